// SPDX-License-Identifier: MIT
/*
 * The guest's console is what the guest chooses to say. It counts only for a
 * guest that ended itself or did not end: whatever it says, a run that the
 * machine or the host ended is told by them.
 */
#include <stdio.h>
#include <string.h>

#include "cli/run.h"

#define PANIC	"Kernel panic - not syncing"
/* Of the code that unpacks a kernel; the line before says why. No newline. */
#define HALTED	" -- System halted"

static void keep(struct watch *w, const char *text)
{
	size_t n = strnlen(text, sizeof(w->reason) - 1);

	if (w->reason[0])
		return;
	/* It goes to a terminal and into JSON: no guest's bytes as such. */
	for (size_t i = 0; i < n; i++)
		w->reason[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	w->reason[n] = '\0';
}

/* Behind the time that printk puts before a line, if it did. */
static const char *skip_time(const char *line)
{
	const char *end;

	if (*line != '[')
		return line;
	end = strchr(line, ']');
	return end && end[1] == ' ' ? end + 2 : line;
}

static void judge(struct watch *w)
{
	const char *line = skip_time(w->line);

	if (w->flood.on)
		flood_feed(&w->flood, line);
	if (!strcmp(line, "belfry: result ok")) {
		w->ok = !w->flood.why[0];
		w->failed |= !w->ok;
		keep(w, w->flood.why);
	} else if (!strncmp(line, "belfry: result FAILED", 21)) {
		w->failed = true;
		line += 21 + strspn(line + 21, ": ");
		keep(w, *line ? line : "the load gave no reason");
	}
	if (strstr(line, PANIC) || !strcmp(line, HALTED)) {
		w->panicked = true;
		keep(w, strcmp(line, HALTED) ? line : w->before);
	}
	strcpy(w->before, w->line);
}

void watch_feed(struct watch *w, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n' || data[i] == '\r') {
			w->line[w->length] = '\0';
			if (w->length)
				judge(w);
			w->length = 0;
		} else if (data[i] && w->length < sizeof(w->line) - 1) {
			/* The rest of a longer line says nothing new. */
			w->line[w->length++] = data[i];
		}
	}
	w->line[w->length] = '\0';
	if (!strcmp(w->line, HALTED))
		judge(w);
}
