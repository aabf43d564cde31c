// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cli/run.h"

static struct termios before;
static bool changed;

/* Signals stay: ^C ends the run, at any moment and in any mode. */
void terminal_raw(void)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return;
	raw = before;
	raw.c_iflag &= ~(ICRNL | INLCR | IXON);
	raw.c_lflag &= ~(ICANON | ECHO | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	changed = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void terminal_restore(void)
{
	if (changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	changed = false;
}
