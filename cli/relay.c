// SPDX-License-Identifier: MIT
/*
 * What goes between the engine and the user. Nothing here waits: a pager that
 * has stopped reading must not keep us from seeing a signal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"

/* What a guest that has panicked gets to end by itself. */
#define PANIC_GRACE	3.0
#define WORDS_DELAY	0.3

/* The console's bytes wait here until our stdout takes them. */
void relay_out(struct child *c)
{
	ssize_t n = write(STDOUT_FILENO, c->data + c->sent, c->held - c->sent);

	if (n >= 0) {
		c->sent += n;
		if (c->sent == c->held)
			c->sent = c->held = 0;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->end->output_lost = true;
		c->sent = c->held = 0;
		child_stop(c);
	}
}

void relay_console(struct child *c)
{
	bool panicked = c->watch->panicked;
	ssize_t n = read(c->out, c->data, sizeof(c->data));

	if (n <= 0) {
		close(c->out);
		c->out = -1;
		return;
	}
	watch_feed(c->watch, c->data, n);
	if (!c->end->output_lost)
		c->held = n;
	if (c->watch->panicked && !panicked && !c->stopping &&
	    c->deadline > child_now() + PANIC_GRACE)
		c->deadline = child_now() + PANIC_GRACE;
}

/*
 * Lines go to the user, the last one a moment later: if it is what the engine
 * died of, it belongs into our own sentence.
 */
void relay_words(struct child *c)
{
	if (c->end->untold)
		fprintf(stderr, "%s\n", c->end->last_words);
	c->end->untold = false;
}

/* What the engine says of what we did on purpose. */
static bool is_news(const struct child *c)
{
	if (strstr(c->err_line, " is not connected to host network"))
		return false;
	return !c->stopping || !strstr(c->err_line, ": terminating on signal ");
}

static void keep_words(struct child *c)
{
	c->err_line[c->err_length] = '\0';
	if (!c->err_length || !is_news(c)) {
		c->err_length = 0;
		return;
	}
	relay_words(c);
	strcpy(c->end->last_words, c->err_line);
	c->end->untold = true;
	c->err_length = 0;
	c->words_due = child_now() + WORDS_DELAY;
}

void relay_errors(struct child *c)
{
	char data[1024];
	ssize_t n = read(c->err, data, sizeof(data));

	if (n <= 0) {
		keep_words(c);
		close(c->err);
		c->err = -1;
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			keep_words(c);
		else if (c->err_length < sizeof(c->err_line) - 1)
			c->err_line[c->err_length++] = data[i];
	}
}

void relay_keys(struct child *c)
{
	char data[256];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	/* A pipe to a guest that does not read is full some day: drop. */
	if (n > 0 && (write(c->in, data, n) >= 0 || errno == EAGAIN))
		return;
	close(c->in);
	c->in = -1;
}
