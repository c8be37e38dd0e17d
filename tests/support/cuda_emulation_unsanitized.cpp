// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the emulation tells AddressSanitizer, for a program without one.
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

void __asan_poison_memory_region(const volatile void* /*begin*/, size_t /*bytes*/) {}
void __asan_unpoison_memory_region(const volatile void* /*begin*/, size_t /*bytes*/) {}
void __sanitizer_start_switch_fiber(void** /*save*/, const void*, size_t) {}
void __sanitizer_finish_switch_fiber(void*, const void** /*begin*/, size_t*) {}
