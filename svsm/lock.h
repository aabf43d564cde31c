/* SPDX-License-Identifier: MIT */
/*
 * Spinning is right: who holds a lock needs a few microseconds, unless the
 * host takes the CPU away from it, and that host has stopped the guest.
 */
#ifndef SVSM_LOCK_H
#define SVSM_LOCK_H

#include "arch/types.h"

static inline bool lock_try(u32 *lock)
{
	return !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE);
}

static inline void lock_take(u32 *lock)
{
	while (!lock_try(lock))
		__builtin_ia32_pause();
}

static inline void lock_drop(u32 *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif
