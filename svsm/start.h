/* SPDX-License-Identifier: MIT */
/* Constants that assembly needs; C asserts that they are right (hv.c). */
#ifndef SVSM_START_H
#define SVSM_START_H

#define NO_FURTHER_SIGNAL	0x8000

#endif
