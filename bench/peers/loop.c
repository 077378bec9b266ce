// SPDX-License-Identifier: MIT
/*
 * The packet loop around a compiled program: a batch of packets, each with a context and room for its verdict, as the
 * packet loop of our module has it.
 */
#include <string.h>
#include <sys/mman.h>
#include "peer.h"

struct slot {
	struct context context;
	uint64_t r0;
};

static struct slot *slots;
static uint8_t *packets;
static uint32_t count;

/* Makes a batch of `n` copies of a packet, `stride` bytes apart. Returns 0, or -1 without memory below 4 GiB. */
int peer_fill(const uint8_t *packet, uint32_t length, uint32_t stride, uint32_t n)
{
	size_t size = (size_t)n * (stride + sizeof(struct slot));
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	packets = memory;
	slots = (struct slot *)(memory + (size_t)n * stride);
	count = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(uintptr_t)(packets + (size_t)i * stride);

		memcpy(packets + (size_t)i * stride, packet, length);
		slots[i].context = (struct context){ .data = at, .data_end = at + length, .data_meta = at, .ingress_ifindex = 1 };
	}
	return 0;
}

/* Runs the batch `calls` times. The address is read anew, so that no compiler looks through the call. */
void peer_run(uint32_t calls)
{
	volatile program address = run_program;

	for (uint32_t call = 0; call < calls; call++) {
		program run = address;

		for (struct slot *slot = slots; slot != slots + count; slot++)
			slot->r0 = run(&slot->context, sizeof(slot->context));
	}
}

/* Verdict of the first packet, and its bytes. */
uint32_t peer_verdict(void)
{
	return (uint32_t)slots[0].r0;
}

void peer_packet(uint8_t *to, uint32_t length)
{
	memcpy(to, packets, length);
}
