// SPDX-License-Identifier: MIT
/*
 * The first and only program of the initramfs: sets the guest up, runs the
 * load that the kernel command line names, says how it went, powers off.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

static const struct {
	const char *type;
	const char *where;
} mounts[] = {
	{ "devtmpfs", "/dev" },
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "tmpfs", "/tmp" },
};

void power_off(void)
{
	reboot(RB_POWER_OFF);
	/* Returning from init would panic and bury the result line */
	for (;;)
		pause();
}

static void result(bool ok, const char *why)
{
	if (ok)
		say("result ok");
	else
		say("result FAILED: %s", why);
	sync();
	power_off();
}

static void mount_all(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL);
	}
}

/*
 * A timer must fire on the CPU that set it, or a CPU's share of the local
 * timer interrupts says nothing. Absent in kernels without NO_HZ: those never
 * move timers.
 */
static void keep_timers_local(void)
{
	file_write("/proc/sys/kernel/timer_migration", "0");
}

static void find_cpus(struct context *ctx)
{
	cpu_set_t set;

	must(!sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity");
	for (int cpu = 0; cpu < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &set))
			ctx->cpu[ctx->cpus++] = cpu;
}

static void shell(void)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
		execl("/bin/busybox", "sh", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	static struct context ctx;
	struct options opt = { 0 };
	struct utsname uts;
	char why[300];
	bool ok;

	mount_all();
	console_open();
	keep_timers_local();
	find_cpus(&ctx);
	ok = options_read(&opt, why, sizeof(why));
	ctx.opt = &opt;
	uname(&uts);
	say("init kernel=%s cpus=%d load=%s scale=%u seconds=%u limit=%u",
	    uts.release, ctx.cpus, opt.load, opt.scale, opt.seconds, opt.limit);
	if (ok && strcmp(opt.load, "shell"))
		loads_watch(&ctx);
	ok = ok && modules_load(why, sizeof(why));
	if (!ok)
		result(false, why);
	if (!strcmp(opt.load, "shell"))
		shell();
	else if (strcmp(opt.load, "none"))
		ok = loads_run(&ctx, why, sizeof(why));
	result(ok, why);
	return 0;
}
