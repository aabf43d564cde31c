// SPDX-License-Identifier: MIT
/*
 * Output to the host.
 *
 * Lines go through the kernel log, not the tty: the tty needs the interrupt
 * of the serial port, and a broken interrupt must not hide the report of it.
 * printk polls the port, and never splits a line with another one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "load.h"

static int console = STDOUT_FILENO;
static bool is_kmsg;

int file_read(const char *path, char *buf, int size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), len = 0, n = 0;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	if (n < 0)
		return -1;
	buf[len] = '\0';
	return len;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (int)strlen(text) ? 0 : -1;
}

/*
 * Without "on" the kernel drops all but a few lines from user space silently;
 * then the tty is the better of two evils.
 */
void console_open(void)
{
	static const char gate[] = "/proc/sys/kernel/printk_devkmsg";
	static const char level[] = "/proc/sys/kernel/printk";
	char state[32];
	int fd;

	/* Without the line feed the kernel refuses it */
	file_write(gate, "on\n");
	if (file_read(gate, state, sizeof(state)) < 0 ||
	    strcmp(state, "on\n"))
		return;
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	console = fd;
	is_kmsg = true;
	/* Lines begin with "belfry:", not with a time */
	file_write("/sys/module/printk/parameters/time", "N");
	/* loglevel=0 would show nothing at all */
	if (file_read(level, state, sizeof(state)) > 0 && state[0] == '0')
		file_write(level, "1");
}

/* One line, one write. "<0>": shown however quiet the kernel is */
void say(const char *fmt, ...)
{
	char line[960];
	va_list ap;
	int n, len;

	n = snprintf(line, sizeof(line), "%sbelfry: ", is_kmsg ? "<0>" : "");
	va_start(ap, fmt);
	len = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	len = len + n < (int)sizeof(line) - 1 ? len + n : (int)sizeof(line) - 2;
	line[len++] = '\n';
	/* Nothing can be said about a console that does not take this */
	if (write(console, line, len) != len)
		return;
	/* The kernel does not wait for the tty when it powers off */
	if (!is_kmsg)
		tcdrain(console);
}
