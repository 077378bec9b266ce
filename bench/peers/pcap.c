// SPDX-License-Identifier: MIT
/* Packets of a capture, read with libpcap, through a compiled program: how many got each verdict. */
#include <inttypes.h>
#include <malloc.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include "peer.h"

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	uint64_t verdicts[5] = { 0 };
	struct pcap_pkthdr *header;
	const u_char *bytes;
	volatile program run = run_program;

	/* All of the heap lies behind the program, below 4 GiB: what libpcap reads into can be handed over as it is. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
	if (capture == NULL) {
		fprintf(stderr, "pcap: %s\n", argc == 2 ? error : "give a capture");
		return 3;
	}
	while (pcap_next_ex(capture, &header, &bytes) == 1) {
		uint64_t at = (uint64_t)bytes;
		struct context context = { .data = at, .data_end = at + header->caplen, .data_meta = at, .ingress_ifindex = 1 };

		if (at + header->caplen > UINT32_MAX)
			return 70;
		uint64_t r0 = run(&context, sizeof(context));
		verdicts[r0 < 5 ? r0 : 0]++;
	}
	pcap_close(capture);
	for (int i = 0; i < 5; i++)
		printf("%" PRIu64 "%c", verdicts[i], i < 4 ? ' ' : '\n');
	return 0;
}
