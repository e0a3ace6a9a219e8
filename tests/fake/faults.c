/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_WRITES 8192
#define SECTOR     512

/* Both names of each: which one is called depends on the size of off_t. The one that is meant is that of the 64
 * bits. */
#if __SIZEOF_LONG__ == 4
#define __real_pwrite          __real_pwrite64
#define __real_posix_fallocate __real_posix_fallocate64
#define __real_fstatvfs        __real_fstatvfs64
#define __real_openat          __real_openat64
#endif
ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset);
int __real_posix_fallocate(int fd, off_t offset, off_t n);
int __wrap_posix_fallocate(int fd, off_t offset, off_t n);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t n);
int __real_fstatvfs(int fd, struct statvfs *ret);
int __wrap_fstatvfs(int fd, struct statvfs *ret);
int __wrap_fstatvfs64(int fd, struct statvfs *ret);
int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

static struct {
	int fd;
	off_t offset;
	size_t n;
} writes[MAX_WRITES]; /* not synced */
static unsigned writes_n;
static bool watching, dark;
static bool held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of these */
static pthread_cond_t let_go = PTHREAD_COND_INITIALIZER;

static atomic_uint countdown;
static atomic_bool hit;
static int error_code;
static unsigned most;
static uint64_t room = UINT64_MAX;

void faults_arm(unsigned n, int error)
{
	countdown = n;
	hit = false;
	error_code = error;
}

bool faults_disarm(void)
{
	countdown = 0;
	return hit;
}

void faults_short(unsigned n)
{
	most = n;
}

void faults_hold(bool hold)
{
	(void)pthread_mutex_lock(&lock);
	held = hold;
	(void)pthread_cond_broadcast(&let_go);
	(void)pthread_mutex_unlock(&lock);
}

void faults_room(uint64_t bytes)
{
	room = bytes;
}

void faults_watch(void)
{
	watching = true;
	dark = false;
	writes_n = 0;
}

static bool fails(void)
{
	unsigned left = countdown;

	while (left > 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1))
		;
	if (left != 1)
		return false;
	hit = true;
	errno = error_code;
	return true;
}

static ssize_t write_some(int fd, const void *data, size_t n, off_t offset)
{
	ssize_t k;

	if (dark) {
		errno = EIO;
		return -1;
	}
	k = __real_pwrite(fd, data, most && n > most ? most : n, offset);
	if (k > 0 && watching) {
		ck_assert_uint_lt(writes_n, MAX_WRITES);
		writes[writes_n].fd = fd;
		writes[writes_n].offset = offset;
		writes[writes_n++].n = (size_t)k;
	}
	return k;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t offset)
{
	ssize_t k;

	if (fails())
		return -1;
	(void)pthread_mutex_lock(&lock);
	k = write_some(fd, data, n, offset);
	(void)pthread_mutex_unlock(&lock);
	return k;
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset)
{
	return __wrap_pwrite(fd, data, n, offset);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t n)
{
	return fails() ? error_code : __real_posix_fallocate(fd, offset, n);
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t n)
{
	return __wrap_posix_fallocate(fd, offset, n);
}

int __wrap_fstatvfs(int fd, struct statvfs *ret)
{
	int r = __real_fstatvfs(fd, ret);

	if (r == 0 && room != UINT64_MAX) {
		ret->f_frsize = 1;
		ret->f_bavail = room;
	}
	return r;
}

int __wrap_fstatvfs64(int fd, struct statvfs *ret)
{
	return __wrap_fstatvfs(fd, ret);
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	unsigned mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, unsigned);
	va_end(ap);
	if ((flags & O_CREAT) && fails())
		return -1;
	return __real_openat(dir, name, flags, mode);
}

int __wrap_openat64(int dir, const char *name, int flags, ...)
{
	unsigned mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, unsigned);
	va_end(ap);
	return __wrap_openat(dir, name, flags, mode);
}

static bool sync_one(int fd)
{
	unsigned kept = 0;

	if (fails())
		return false;
	(void)pthread_mutex_lock(&lock);
	while (held)
		(void)pthread_cond_wait(&let_go, &lock);
	for (unsigned i = 0; i < writes_n; i++) {
		if (writes[i].fd != fd)
			writes[kept++] = writes[i];
	}
	writes_n = kept;
	(void)pthread_mutex_unlock(&lock);
	return true;
}

int __wrap_fdatasync(int fd)
{
	return sync_one(fd) ? __real_fdatasync(fd) : -1;
}

int __wrap_fsync(int fd)
{
	return sync_one(fd) ? __real_fsync(fd) : -1;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Sectors are written as a whole, in any order. */
void faults_cut(uint32_t seed)
{
	(void)pthread_mutex_lock(&lock);
	dark = true;
	for (unsigned i = 0; i < writes_n; i++) {
		off_t end = writes[i].offset + (off_t)writes[i].n;

		for (off_t at = writes[i].offset; at < end;) {
			off_t next = (at / SECTOR + 1) * SECTOR;
			size_t n = (size_t)((next < end ? next : end) - at);
			unsigned char bytes[SECTOR] = { 0 };
			uint32_t what = next_random(&seed) % 4;

			if (what == 0)
				for (size_t k = 0; k < n; k++)
					bytes[k] = (unsigned char)next_random(&seed);
			if (what <= 1)
				ck_assert_int_eq(__real_pwrite(writes[i].fd, bytes, n, at), (ssize_t)n);
			at = next;
		}
	}
	writes_n = 0;
	(void)pthread_mutex_unlock(&lock);
}
