// SPDX-License-Identifier: MIT
/*
 * The engine as a child, in a process group of its own so that ^C reaches us
 * alone, and ours to end: it dies with us even when we are killed.
 *
 *   running --its end-------------------------------------> ended
 *   running --signal, time limit, panic, stdout gone--+
 *                                                     v
 *                          stopping: SIGTERM; SIGKILL GRACE later --> ended
 *
 * After a panic the guest gets PANIC_GRACE to end by itself, which leaves
 * the better report.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/child.h"

/* From SIGTERM to SIGKILL. */
#define GRACE		5.0

double child_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- start --------------------------------------------------------------- */

static void become_engine(char **arguments, int in, int out, int err,
			  pid_t parent)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2) {
		execv(arguments[0], arguments);
		dprintf(2, "%s: %s\n", arguments[0], strerror(errno));
	}
	_exit(127);
}

static void close_pair(int fd[2])
{
	if (fd[0] >= 0)
		close(fd[0]);
	if (fd[1] >= 0)
		close(fd[1]);
}

static int start(struct child *c, char **arguments)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	pid_t parent = getpid();

	if (c->run->interactive ? pipe2(in, O_CLOEXEC) :
	    (in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		return fail("cannot start the engine: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) ||
	    (c->pid = fork()) < 0) {
		fail("cannot start the engine: %s", strerror(errno));
		close_pair(in);
		close_pair(out);
		close_pair(err);
		return EXIT_FAILED;
	}
	if (!c->pid)
		become_engine(arguments, in[0], out[1], err[1], parent);
	/* Also here: whoever comes second finds it done. */
	setpgid(c->pid, c->pid);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	if (c->in >= 0)
		fcntl(c->in, F_SETFL, O_NONBLOCK);
	c->out = out[0];
	c->err = err[0];
	return 0;
}

void child_stop(struct child *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	kill(-c->pid, SIGTERM);
	c->deadline = child_now() + GRACE;
}

/* ---- what happens meanwhile ---------------------------------------------- */

static void signals(struct child *c)
{
	struct signalfd_siginfo info;
	siginfo_t child;

	if (read(c->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		/* Left a zombie: its number is its group's name. */
		memset(&child, 0, sizeof(child));
		waitid(P_PID, c->pid, &child, WEXITED | WNOHANG | WNOWAIT);
		c->ended = child.si_pid == c->pid;
		return;
	}
	c->end->signal = info.ssi_signo;
	if (c->stopping)
		c->deadline = child_now();	/* asked twice: no more grace */
	child_stop(c);
}

static void expired(struct child *c)
{
	if (c->killed) {
		c->deadline += GRACE;
	} else if (c->stopping) {
		kill(-c->pid, SIGKILL);
		c->killed = true;
		c->deadline += GRACE;
	} else {
		c->end->timed_out = !c->watch->panicked;
		child_stop(c);
	}
}

/* ---- from start to end --------------------------------------------------- */

static int patience(const struct child *c)
{
	double left = c->ended ? 3600 : c->deadline - child_now();

	if (c->end->untold && left > c->words_due - child_now())
		left = c->words_due - child_now();
	if (left > 3600)
		left = 3600;
	return left > 0 ? left * 1000 + 1 : 0;
}

static void follow(struct child *c)
{
	while (!c->ended || c->out >= 0 || c->held) {
		struct pollfd fd[] = {
			{ c->signals, POLLIN, 0 },
			{ c->out, POLLIN, 0 },
			{ c->err, POLLIN, 0 },
			{ c->in >= 0 ? STDIN_FILENO : -1, POLLIN, 0 },
		};

		if (c->held)
			fd[1] = (struct pollfd){ STDOUT_FILENO, POLLOUT, 0 };
		/* What it left behind may hold the pipes open for ever. */
		else if (c->ended && poll(fd + 1, 2, 0) <= 0)
			break;
		poll(fd, ARRAY_SIZE(fd), patience(c));
		if (fd[0].revents)
			signals(c);
		if (c->ended && c->end->signal && c->held)
			break;
		if (fd[1].revents && c->held)
			relay_out(c);
		else if (fd[1].revents)
			relay_console(c);
		if (fd[2].revents)
			relay_errors(c);
		if (fd[3].revents)
			relay_keys(c);
		if (child_now() >= c->words_due && !c->ended)
			relay_words(c);
		if (!c->ended && child_now() >= c->deadline)
			expired(c);
	}
	while (c->err >= 0 &&
	       poll(&(struct pollfd){ c->err, POLLIN, 0 }, 1, 0) > 0)
		relay_errors(c);
}

/* Those that are ignored stay ignored: nohup, or a shell's background. */
static void our_signals(sigset_t *set)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction old;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaddset(set, ends[i]);
}

void child_hold_signals(void)
{
	sigset_t set;

	our_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Whoever started us may have had it ignored: no zombies then. */
	signal(SIGCHLD, SIG_DFL);
}

int child_run(const struct run *run, char **arguments, struct watch *watch,
	      struct child_end *end)
{
	struct child c = {
		.run = run, .watch = watch, .end = end,
		.out = -1, .err = -1, .in = -1,
	};
	sigset_t set;
	int rc;

	fflush(stdout);
	our_signals(&set);
	c.signals = signalfd(-1, &set, SFD_CLOEXEC);
	c.started = child_now();
	c.deadline = c.started + run->timeout;
	rc = c.signals < 0 ? fail("signalfd: %s", strerror(errno)) :
			     start(&c, arguments);
	if (!rc) {
		if (run->interactive)
			terminal_raw();
		follow(&c);
		terminal_restore();
		/* Whatever it may have started itself goes with it. */
		kill(-c.pid, SIGKILL);
		waitpid(c.pid, &end->status, 0);
		end->wall_seconds = child_now() - c.started;
	}
	for (int *fd = (int[]){ c.out, c.err, c.in, c.signals, -2 };
	     *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	return rc;
}
