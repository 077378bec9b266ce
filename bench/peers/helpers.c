// SPDX-License-Identifier: MIT
/* Look-ups and updates as Linux has them: an array is indexed, a hash map hashes with lookup3 and walks a chain. */
#include <stdlib.h>
#include <string.h>
#include "peer.h"

struct node {
	uint32_t next, hash;
	uint8_t key[];
};

static size_t node_size(const struct map *map)
{
	return (sizeof(struct node) + map->key_size + map->value_size + 15) & ~7u;
}

static struct node *node_at(const struct map *map, uint32_t index)
{
	return (struct node *)(map->values + (index - 1) * node_size(map));
}

static uint8_t *value_of(const struct map *map, struct node *node)
{
	return node->key + ((map->key_size + 7) & ~7u);
}

static uint32_t rol(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

/* jhash2 of include/linux/jhash.h is the same function: lookup3 over words. */
static uint32_t hash_words(const uint8_t *key, uint32_t size)
{
	uint32_t a = 0xdeadbeef + size, b = a, c = a, k[3];

	for (; size > 12; size -= 12, key += 12) {
		memcpy(k, key, 12);
		a += k[0], b += k[1], c += k[2];
		a -= c, a ^= rol(c, 4), c += b;
		b -= a, b ^= rol(a, 6), a += c;
		c -= b, c ^= rol(b, 8), b += a;
		a -= c, a ^= rol(c, 16), c += b;
		b -= a, b ^= rol(a, 19), a += c;
		c -= b, c ^= rol(b, 4), b += a;
	}
	if (size == 0)
		return c;
	k[0] = k[1] = k[2] = 0;
	memcpy(k, key, size);
	a += k[0], b += k[1], c += k[2];
	c ^= b, c -= rol(b, 14);
	a ^= c, a -= rol(c, 11);
	b ^= a, b -= rol(a, 25);
	c ^= b, c -= rol(b, 16);
	a ^= c, a -= rol(c, 4);
	b ^= a, b -= rol(a, 14);
	c ^= b, c -= rol(b, 24);
	return c;
}

/* Maps before the first packet. */
__attribute__((constructor)) static void make_maps(void)
{
	for (uint32_t i = 0; i < map_count; i++) {
		struct map *map = &maps[i];

		if (!map->is_hash) {
			map->values = calloc(map->max_entries, (map->value_size + 7) & ~7u);
			continue;
		}
		uint32_t size = 1;
		while (size < map->max_entries)
			size *= 2;
		map->mask = size - 1;
		map->buckets = calloc(size, sizeof(uint32_t));
		map->values = calloc(map->max_entries, node_size(map));
	}
}

static struct node *find(const struct map *map, const uint8_t *key, uint32_t hash)
{
	for (uint32_t at = map->buckets[hash & map->mask]; at != 0;) {
		struct node *node = node_at(map, at);

		if (node->hash == hash && memcmp(node->key, key, map->key_size) == 0)
			return node;
		at = node->next;
	}
	return NULL;
}

uint64_t helper_1(uint64_t map_address, uint64_t key_address, uint64_t c, uint64_t d, uint64_t e)
{
	const struct map *map = (const struct map *)map_address;
	const uint8_t *key = (const uint8_t *)key_address;

	(void)c, (void)d, (void)e;
	if (!map->is_hash) {
		uint32_t index;

		memcpy(&index, key, 4);
		return index < map->max_entries ? (uint64_t)(map->values + index * ((map->value_size + 7) & ~7u)) : 0;
	}
	struct node *node = find(map, key, hash_words(key, map->key_size));
	return node == NULL ? 0 : (uint64_t)value_of(map, node);
}

uint64_t helper_2(uint64_t map_address, uint64_t key_address, uint64_t value, uint64_t flags, uint64_t e)
{
	struct map *map = (struct map *)map_address;
	const uint8_t *key = (const uint8_t *)key_address;

	(void)flags, (void)e;
	if (!map->is_hash) {
		uint64_t at = helper_1(map_address, key_address, 0, 0, 0);

		if (at == 0)
			return -7;
		memcpy((void *)at, (const void *)value, map->value_size);
		return 0;
	}
	uint32_t hash = hash_words(key, map->key_size);
	struct node *node = find(map, key, hash);

	if (node == NULL) {
		if (map->used == map->max_entries)
			return -7;
		uint32_t *bucket = &map->buckets[hash & map->mask];

		node = node_at(map, ++map->used);
		node->next = *bucket;
		node->hash = hash;
		memcpy(node->key, key, map->key_size);
		*bucket = map->used;
	}
	memcpy(value_of(map, node), (const void *)value, map->value_size);
	return 0;
}
