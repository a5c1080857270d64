/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/stream.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 16384, OUT_MAX = 4 * 1024 * 1024 };

struct fr_stream_room {
    uint8_t in[CHUNK], plain[CHUNK];
    struct fr_buf out; /* TLS records of the stream that is writing */
    BIO_METHOD *method;
    struct event_base *base;
};

struct fr_stream {
    struct fr_stream_room *room;
    struct fr_stream_hooks hooks;
    int fd;
    SSL *ssl;
    struct event *on_read, *on_write;
    struct fr_slice in;   /* what this turn's recv() got and TLS has not taken */
    struct fr_buf unsent; /* what the kernel did not take */
    bool is_up, eof, paused, is_mute;
    bool is_cut;    /* recv() has failed */
    bool is_choked; /* too much is unsent to hear more */
    bool *gone;     /* told when the stream is freed inside a hook */
};

/* ---- the socket as OpenSSL sees it ---- */

static int bio_read(BIO *bio, char *to, int size)
{
    struct fr_stream *s = BIO_get_data(bio);
    size_t n = s->in.len < (size_t)size ? s->in.len : (size_t)size;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        if (!s->eof)
            BIO_set_retry_read(bio);
        return s->eof ? 0 : -1;
    }
    memcpy(to, s->in.data, n);
    s->in = fr_slice_of(s->in.data + n, s->in.len - n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *from, int size)
{
    struct fr_stream *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    fr_buf_put(&s->room->out, from, (size_t)size);
    return s->room->out.failed == FR_OK ? size : -1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct fr_stream *s = BIO_get_data(bio);

    (void)num;
    (void)ptr;
    if (cmd == BIO_CTRL_EOF)
        return s->eof && s->in.len == 0;
    return cmd == BIO_CTRL_FLUSH;
}

struct fr_stream_room *fr_stream_room_new(struct event_base *base)
{
    struct fr_stream_room *room = malloc(sizeof *room);

    if (!room)
        return NULL;
    room->base = base;
    room->out = (struct fr_buf)FR_BUF_INIT(OUT_MAX);
    room->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (!room->method || BIO_meth_set_read(room->method, bio_read) != 1 ||
        BIO_meth_set_write(room->method, bio_write) != 1 ||
        BIO_meth_set_ctrl(room->method, bio_ctrl) != 1) {
        fr_stream_room_free(room);
        return NULL;
    }
    return room;
}

void fr_stream_room_free(struct fr_stream_room *room)
{
    if (!room)
        return;
    BIO_meth_free(room->method);
    fr_buf_clear(&room->out);
    free(room);
}

/* ---- out ---- */

static void listen_again(struct fr_stream *s)
{
    if (s->paused || s->is_choked)
        event_del(s->on_read);
    else
        event_add(s->on_read, NULL);
}

void fr_stream_pause(struct fr_stream *s, bool pause)
{
    if (s->paused == pause)
        return;
    s->paused = pause;
    listen_again(s);
}

/* Nothing more can be said: the next read shows why, and ends the stream, even one that
 * the peer has closed in order. */
static void give_up(struct fr_stream *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    fr_buf_clear(&s->unsent);
    s->paused = s->is_choked = false;
    listen_again(s);
    s->is_mute = true;
}

/* Each word of a peer may make TLS answer it (a key update, a renegotiation): who does
 * not read them is not heard until it does. */
static void choke(struct fr_stream *s, bool choked)
{
    if (s->is_choked == choked)
        return;
    s->is_choked = choked;
    listen_again(s);
}

/* How much the kernel took. */
static size_t send_some(struct fr_stream *s, struct fr_slice octets, int flags)
{
    ssize_t n =
        send(s->fd, octets.data, octets.len, flags | MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        give_up(s);
    return n > 0 ? (size_t)n : 0;
}

static bool send_out(struct fr_stream *s, int flags)
{
    struct fr_buf *out = &s->room->out;
    size_t n = 0;

    if (s->unsent.len > 0)
        fr_buf_consume(&s->unsent, send_some(s, fr_buf_view(&s->unsent), flags));
    if (s->unsent.len == 0 && out->len > 0 && !s->is_mute)
        n = send_some(s, fr_buf_view(out), flags);
    if (n < out->len && !s->is_mute)
        fr_buf_put(&s->unsent, out->data + n, out->len - n);
    if (s->unsent.failed != FR_OK)
        give_up(s);
    fr_buf_reset(out);
    return s->unsent.len == 0 && !s->is_mute;
}

bool fr_stream_flush(struct fr_stream *s)
{
    if (s->unsent.len == 0 && s->room->out.len == 0)
        return !s->is_mute;
    if (send_out(s, 0)) {
        fr_buf_clear(&s->unsent);
        return true;
    }
    if (!s->is_mute)
        event_add(s->on_write, NULL);
    return false;
}

bool fr_stream_write(struct fr_stream *s, struct fr_slice octets)
{
    ERR_clear_error();
    if (!s->ssl) {
        fr_buf_put(&s->room->out, octets.data, octets.len);
        return s->room->out.failed == FR_OK;
    }
    if (octets.len == 0 ||
        SSL_write(s->ssl, octets.data, (int)octets.len) == (int)octets.len)
        return true;
    fr_buf_reset(&s->room->out); /* or the next stream would send them */
    return false;
}

void fr_stream_goodbye(struct fr_stream *s, bool last)
{
    ERR_clear_error();
    if (s->ssl)
        (void)SSL_shutdown(s->ssl);
    (void)send_out(s, last ? MSG_MORE : 0);
}

static void on_writable(int fd, short what, void *arg)
{
    struct fr_stream *s = arg;

    (void)fd;
    (void)what;
    if (!fr_stream_flush(s))
        return;
    choke(s, false);
    s->hooks.sent(s->hooks.arg);
}

/* ---- in ---- */

static void end(struct fr_stream *s, enum fr_stream_end how, unsigned long ossl_error)
{
    event_del(s->on_read); /* an end is told once */
    s->hooks.ended(s->hooks.arg, how, ossl_error);
}

static bool come_up(struct fr_stream *s, const bool *gone)
{
    s->is_up = true;
    s->hooks.connected(s->hooks.arg);
    return !*gone;
}

/* True if the stream is up and still there. */
static bool shake(struct fr_stream *s, const bool *gone)
{
    int rc, error;

    if (s->is_up)
        return true;
    if (!s->ssl)
        return come_up(s, gone);
    ERR_clear_error();
    rc = SSL_do_handshake(s->ssl);
    error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, rc);
    if (rc != 1 && error == SSL_ERROR_WANT_READ) {
        (void)fr_stream_flush(s);
        return false;
    }
    if (rc != 1) {
        unsigned long why = ERR_peek_error();

        (void)send_out(s, 0);
        end(s, FR_STREAM_REFUSED, why);
        return false;
    }
    return come_up(s, gone);
}

/* The same without TLS. */
static bool read_plain(struct fr_stream *s, const bool *gone)
{
    if (s->in.len > 0)
        s->hooks.octets(s->hooks.arg, s->in);
    if (*gone || !s->eof)
        return !*gone;
    end(s, s->is_cut || s->is_mute ? FR_STREAM_CUT : FR_STREAM_CLOSED, 0);
    return false;
}

/* Reads what this turn has brought; false: the stream has ended. */
static bool read_all(struct fr_stream *s, const bool *gone)
{
    uint8_t *plain = s->room->plain;
    unsigned long why;
    bool is_closed;
    int n, error;

    if (!s->ssl)
        return read_plain(s, gone);
    ERR_clear_error();
    while ((n = SSL_read(s->ssl, plain, CHUNK)) > 0) {
        s->hooks.octets(s->hooks.arg, fr_slice_of(plain, (size_t)n));
        if (*gone)
            return false;
        ERR_clear_error();
    }
    error = SSL_get_error(s->ssl, n);
    if (error == SSL_ERROR_WANT_READ && !s->eof)
        return true;
    why = ERR_peek_error();
    (void)send_out(s, 0); /* the alert, if it is TLS that failed */
    is_closed = error == SSL_ERROR_ZERO_RETURN && !s->is_mute;
    end(s, is_closed ? FR_STREAM_CLOSED : FR_STREAM_CUT, why);
    return false;
}

static void on_readable(int fd, short what, void *arg)
{
    struct fr_stream *s = arg;
    struct fr_stream_room *room = s->room;
    ssize_t n = recv(fd, room->in, sizeof room->in, MSG_DONTWAIT);
    bool gone = false;

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    s->eof = n <= 0;
    s->is_cut = n < 0;
    s->in = fr_slice_of(room->in, n > 0 ? (size_t)n : 0);
    s->gone = &gone;
    if (shake(s, &gone) && read_all(s, &gone) && !fr_stream_flush(s))
        choke(s, s->unsent.len > CHUNK); /* TLS may have words of its own */
    if (!gone) {
        s->gone = NULL;
        s->in = (struct fr_slice){0};
    }
    fr_buf_reset(&room->out);
}

/* ---- life ---- */

static bool attach_tls(struct fr_stream *s)
{
    BIO *bio = BIO_new(s->room->method);

    if (!bio)
        return false;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio); /* takes it */
    SSL_set_accept_state(s->ssl);
    return true;
}

static bool attach(struct fr_stream *s)
{
    struct event_base *base = s->room->base;

    s->on_read = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
    s->on_write = event_new(base, s->fd, EV_WRITE, on_writable, s);
    if (s->ssl && !attach_tls(s))
        return false;
    return s->on_read && s->on_write && event_add(s->on_read, NULL) == 0;
}

enum fr_code fr_stream_new(struct fr_stream_room *room, int fd, SSL *ssl,
                           const struct fr_stream_hooks *hooks, struct fr_stream **ret,
                           struct fr_err *err)
{
    FR_AUTO(stream) *s = calloc(1, sizeof *s);

    if (!s) {
        SSL_free(ssl);
        close(fd);
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a connection");
    }
    *s = (struct fr_stream){.room = room,
                            .hooks = *hooks,
                            .fd = fd,
                            .ssl = ssl,
                            .unsent = FR_BUF_INIT(OUT_MAX)};
    if (!attach(s))
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a connection");
    *ret = FR_TAKE(s);
    return FR_OK;
}

void fr_stream_free(struct fr_stream *s)
{
    if (!s)
        return;
    if (s->gone)
        *s->gone = true;
    if (s->on_read)
        event_free(s->on_read);
    if (s->on_write)
        event_free(s->on_write);
    SSL_free(s->ssl);
    fr_buf_clear(&s->unsent);
    close(s->fd);
    free(s);
}

SSL *fr_stream_ssl(const struct fr_stream *s)
{
    return s->ssl;
}

int fr_stream_fd(const struct fr_stream *s)
{
    return s->fd;
}
