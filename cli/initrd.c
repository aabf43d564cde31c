// SPDX-License-Identifier: MIT
/*
 * An initramfs that is cut short or damaged makes Linux panic late and in
 * odd words; what can be told here is told here. gzip has a checksum and
 * newc cpio a trailer; of the other formats only the first bytes are known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cli/launch.h"

#define CPIO_HEADER	110

static const struct {
	const char *magic;
	unsigned int length;
} compressed[] = {
	{ "BZh", 3 },
	{ "\x5d\x00\x00", 3 },			/* lzma */
	{ "\xfd" "7zXZ", 5 },
	{ "\x89LZO", 4 },
	{ "\x02\x21\x4c\x18", 4 },		/* lz4 */
	{ "\x28\xb5\x2f\xfd", 4 },		/* zstd */
};

static int damaged(const char *path, const char *why)
{
	return fail("the initrd %s is not usable: %s", path, why);
}

static size_t skip_zeroes(const struct blob *b, size_t at)
{
	while (at < b->size && !((const u8 *)b->data)[at])
		at++;
	return at;
}

static u64 hex8(const u8 *text)
{
	char copy[9] = { 0 };

	memcpy(copy, text, 8);
	return strtoul(copy, NULL, 16);
}

/* Where an archive that starts at @at ends; 0 if it does not. */
static size_t cpio_end(const struct blob *b, size_t at)
{
	const u8 *data = b->data;
	u64 size, name;

	while (at + CPIO_HEADER <= b->size &&
	       (!memcmp(data + at, "070701", 6) ||
		!memcmp(data + at, "070702", 6))) {
		size = hex8(data + at + 54);
		name = hex8(data + at + 94);
		if (name > PATH_MAX || at + CPIO_HEADER + name > b->size)
			return 0;
		if (name == 11 && !memcmp(data + at + CPIO_HEADER,
					  "TRAILER!!!", 11))
			return at + CPIO_HEADER + name;
		at += (CPIO_HEADER + name + 3) & ~3ull;
		at += (size + 3) & ~3ull;
	}
	return 0;
}

/* Where gzip data that starts at @at ends; 0 if it is damaged. */
static size_t gzip_end(const struct blob *b, size_t at)
{
	static u8 sink[1 << 16];
	z_stream z = { .next_in = (u8 *)b->data + at };
	int rc;

	if (b->size - at > UINT32_MAX || inflateInit2(&z, 16 + MAX_WBITS))
		return 0;
	z.avail_in = b->size - at;
	do {
		z.next_out = sink;
		z.avail_out = sizeof(sink);
		rc = inflate(&z, Z_NO_FLUSH);
	} while (rc == Z_OK);
	at = b->size - z.avail_in;
	inflateEnd(&z);
	return rc == Z_STREAM_END ? at : 0;
}

static bool is_compressed(const u8 *data, size_t size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(compressed); i++)
		if (size >= compressed[i].length &&
		    !memcmp(data, compressed[i].magic, compressed[i].length))
			return true;
	return false;
}

/* Archives may follow each other, with zeroes between. */
int initrd_examine(const char *path, const struct blob *initrd)
{
	const u8 *data = initrd->data;
	size_t at = skip_zeroes(initrd, 0), end;

	if (at == initrd->size)
		return damaged(path, "it holds only zeroes");
	while (at < initrd->size) {
		if (is_compressed(data + at, initrd->size - at))
			return 0;
		if (data[at] == 0x1f)
			end = gzip_end(initrd, at);
		else if (data[at] == '0')
			end = cpio_end(initrd, at);
		else
			return damaged(path, "it is neither cpio (newc) nor "
				       "compressed in a way Linux knows");
		if (!end)
			return damaged(path, "it is truncated or damaged");
		at = skip_zeroes(initrd, end);
	}
	return 0;
}
