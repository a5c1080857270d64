/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a target knows: the keys that it shares with devices, and how far it has read
 * the MEF's change feed. One file, 0600, replaced as a whole:
 *
 *     fieldroot-target-cache 3
 *     mef=mef.example.com
 *     ua=tls1.2                                    (what keys of B-TIDs are for)
 *     cursor=17
 *     last=...                                     (of a KeID, before its '@')
 *     dropped=0
 *     complete=1
 *     key=KeID SUID EXPIRES STALE HEX ENROLEE      (percent-encoded; sorted by KeID)
 *     crc=CRC-32 of all before it
 */
#ifndef FR_TARGET_CACHE_H
#define FR_TARGET_CACHE_H

#include "crypto/gba.h"
#include "crypto/kdf.h"

#define FR_TARGET_KEYS_MAX  16384 /* a page of locked memory each */
#define FR_TARGET_FILE_MAX  (32 * 1024 * 1024)
#define FR_TARGET_KEY_LEN   32 /* every derivation's (RSPF 5.5) */
#define FR_TARGET_CACHE_TAG "fieldroot-target-cache 3"

struct fr_target_key {
    char key_id[FR_KEYID_MAX + 1];
    int suid;
    int64_t expires; /* seconds since 1970 */
    bool stale;      /* not yet mentioned since the feed began again */
    char enrolee[FR_ID_MAX + 1];
    struct fr_secret *key; /* owned */
};

struct fr_target_cache {
    char mef[FR_FQDN_MAX + 1];
    enum fr_ua ua; /* what keys of B-TIDs are for */
    uint64_t cursor;
    char last[FR_KEYID_MAX + 1]; /* whose change is at the cursor: the first part of its
                                    KeID; "": unknown */
    int64_t
        dropped_at; /* the clock when a key was dropped as expired, last; 0: never */
    bool complete;  /* false: the feed was not yet read to its end from the start */
    struct fr_target_key *list; /* sorted by key_id */
    size_t n, cap;
};

/* Empty, ua tls1.2, cursor 0, not complete. */
FR_MUST_USE enum fr_code fr_target_cache_new(const char *mef,
                                             struct fr_target_cache **ret,
                                             struct fr_err *err);
void fr_target_cache_free(struct fr_target_cache *c);
FR_DEFINE_AUTO(target_cache)

/* NULL if it is not there; valid until the next put or remove. */
struct fr_target_key *fr_target_cache_find(const struct fr_target_cache *c,
                                           const char *key_id);
/* Adds or replaces; takes key->key on success. FR_ESTORE, "cache-full"; FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_target_cache_put(struct fr_target_cache *c,
                                             struct fr_target_key *key,
                                             struct fr_err *err);
/* key is one of c's own. */
void fr_target_cache_remove(struct fr_target_cache *c, struct fr_target_key *key);

/* to should be FR_BUF_INIT_WIPE. */
FR_MUST_USE enum fr_code fr_target_cache_encode(const struct fr_target_cache *c,
                                                struct fr_buf *to, struct fr_err *err);
/* FR_EPARSE, reason "cache-file", for anything but a whole, intact file. */
FR_MUST_USE enum fr_code fr_target_cache_decode(struct fr_slice text,
                                                struct fr_target_cache **ret,
                                                struct fr_err *err);

/* FR_ENOTFOUND, FR_EPARSE, FR_ESTORE. */
FR_MUST_USE enum fr_code fr_target_cache_load(const char *path,
                                              struct fr_target_cache **ret,
                                              struct fr_err *err);
FR_MUST_USE enum fr_code fr_target_cache_save(const struct fr_target_cache *c,
                                              const char *path, struct fr_err *err);

#endif
