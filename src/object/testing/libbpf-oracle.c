// SPDX-License-Identifier: MIT
/*
 * Says what libbpf makes of an object file, a JSON value a line: maps as it reads them, then each program as it would hand it to
 * the kernel. The bpf(2) calls of libbpf go through syscall(), which is defined here: program loads are printed and answered
 * with a descriptor of nothing, so that neither the verifier nor the kernel's configuration has a say. Map references are
 * printed as the map's position.
 *
 *     cc -o libbpf-oracle libbpf-oracle.c -lbpf -ldl && ./libbpf-oracle prog.o
 */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct bpf_object *object;
static int loading;

static long map_position(long fd)
{
	struct bpf_map *map;
	long position = 0;

	bpf_object__for_each_map(map, object) {
		if (bpf_map__fd(map) == fd)
			return position;
		position++;
	}
	return -1;
}

static void print_records(const char *name, __u64 start, __u32 size, __u32 count, int words)
{
	printf(",\"%s\":[", name);
	for (__u32 i = 0; i < count; i++) {
		const __u32 *record = (void *)(unsigned long)(start + (__u64)i * size);

		printf("%s[", i ? "," : "");
		for (int w = 0; w < words; w++)
			printf("%s%u", w ? "," : "", record[w]);
		printf("]");
	}
	printf("]");
}

static void print_program(const union bpf_attr *attr)
{
	const struct bpf_insn *insns = (void *)(unsigned long)attr->insns;

	printf("{\"program\":\"%s\",\"flags\":%u,\"insns\":[", attr->prog_name, attr->prog_flags);
	for (__u32 i = 0; i < attr->insn_cnt; i++) {
		const struct bpf_insn *insn = &insns[i];
		int map = insn->code == (BPF_LD | BPF_IMM | BPF_DW) &&
			  (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE);

		printf("%s[%u,%u,%u,%d,%ld]", i ? "," : "", insn->code, insn->dst_reg, insn->src_reg, insn->off,
		       map ? map_position(insn->imm) : insn->imm);
	}
	printf("]");
	print_records("functions", attr->func_info, attr->func_info_rec_size, attr->func_info_cnt, 2);
	print_records("lines", attr->line_info, attr->line_info_rec_size, attr->line_info_cnt, 4);
	printf("}\n");
}

/* Feature probes carry other names than the object's programs. */
static int is_ours(const union bpf_attr *attr)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		if (attr->prog_name[0] && !strncmp(bpf_program__name(program), attr->prog_name, BPF_OBJ_NAME_LEN - 1))
			return 1;
	}
	return 0;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		real = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_bpf && loading) {
		if (a[0] == BPF_PROG_LOAD && is_ours((void *)a[1])) {
			print_program((void *)a[1]);
			return memfd_create("program", 0);
		}
		/* Programs that are none can be put into no map. */
		if (a[0] == BPF_PROG_BIND_MAP || a[0] == BPF_MAP_UPDATE_ELEM)
			return 0;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_map *map;

	libbpf_set_print(quiet);
	object = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!object)
		return 1;
	bpf_object__for_each_map(map, object) {
		printf("{\"map\":\"%s\",\"shape\":[%u,%u,%u,%u,%u,%llu,%u,%u]}\n", bpf_map__name(map), bpf_map__type(map),
		       bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map), bpf_map__map_flags(map),
		       (unsigned long long)bpf_map__map_extra(map), bpf_map__btf_key_type_id(map),
		       bpf_map__btf_value_type_id(map));
		bpf_map__set_pin_path(map, NULL);
		/* Left for the user to set; any size does here. */
		if (!bpf_map__max_entries(map) && bpf_map__type(map) != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			bpf_map__set_max_entries(map, 4);
	}
	bpf_object__for_each_program(program, object) {
		if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC)
			bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
		/* Others may need something to attach to. */
		bpf_program__set_autoload(program, bpf_program__type(program) == BPF_PROG_TYPE_XDP);
	}
	loading = 1;
	return bpf_object__load(object) ? 2 : 0;
}
