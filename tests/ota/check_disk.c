/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/disk.h"

#include "fake/faults.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (40 * STAGING_WINDOW + 5)

static char *dir;
static sd_event *event;
static struct later *later;
static struct disk *disk;
static char *file;

/* What came back. */
static unsigned calls;
static int result;
static enum disk_kind kind;
static size_t loaded;
static bool busy_meanwhile;

/* Of the system, which has no thread for us then. */
static int thread_error;

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	return thread_error ? thread_error : __real_pthread_create(ret, attr, start, arg);
}

static void on_finished(void *userdata, struct disk_task *task, int r)
{
	ck_assert_ptr_eq(userdata, &calls);
	calls++;
	result = r;
	kind = task->kind;
	busy_meanwhile = disk_busy(disk);
	if (r == 0 && task->kind == DISK_LOAD) {
		loaded = task->n;
		ck_assert_mem_eq(task->data, file + task->window * STAGING_WINDOW, loaded);
	}
}

static void setup(void)
{
	calls = 0;
	dir = temp_dir();
	file = malloc(SIZE);
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < SIZE; i++)
		file[i] = (char)(i * 31 + i / 1000);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(later_new(&later, event), 0);
	ck_assert_int_eq(disk_new(&disk, event, later, dir, on_finished, &calls), 0);
}

static void teardown(void)
{
	disk_free(disk);
	later_free(later);
	sd_event_unref(event);
	free(file);
	temp_remove(dir);
}

static int wait_for_it(void)
{
	calls = 0;
	ck_assert(disk_busy(disk));
	while (!calls)
		ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert(!busy_meanwhile);
	return result;
}

static int run(struct disk_task task)
{
	int r;

	if (task.kind == DISK_CREATE || task.kind == DISK_OPEN)
		task.tag = strdup("tag");
	if (task.kind == DISK_LOAD)
		task.data = malloc(STAGING_WINDOW);
	task.size = SIZE;
	disk_begin(disk, task);
	r = wait_for_it();
	ck_assert_int_eq((int)kind, (int)task.kind);
	return r;
}

static struct piece *piece_of(uint64_t offset, size_t n, size_t skip)
{
	struct piece *p = malloc(sizeof(*p) + n);

	ck_assert_ptr_nonnull(p);
	*p = (struct piece){ .offset = offset, .n = n, .skip = skip };
	memcpy(p->data, file + offset, n);
	return p;
}

static void write_all(void)
{
	struct piece *first = piece_of(0, SIZE - 100, 0), *second = piece_of(SIZE - 150, 150, 50);

	first->next = second;
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_APPEND, .pieces = first }), 0);
	ck_assert_uint_eq(staging_have(disk_staging(disk)), SIZE);
}

START_TEST(every_kind)
{
	unsigned turns = 0;
	struct stat st;
	int r;

	ck_assert(!disk_busy(disk));
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_OPEN }), -ENOENT);
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_CREATE }), 0);
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_FINISH }), -ENODATA);
	write_all();
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_FINISH }), 0);
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_LOAD, .window = 40 }), 0);
	ck_assert_uint_eq(loaded, 5);

	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_OPEN }), 0);
	while ((r = run((struct disk_task){ .kind = DISK_RESUME })) == 1)
		turns++;
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(staging_have(disk_staging(disk)), SIZE);
	/* Not all at once: it could be overtaken. */
	ck_assert_uint_ge(turns, 2);

	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_OPEN_WHOLE }), 0);
	for (turns = 0; (r = run((struct disk_task){ .kind = DISK_VERIFY })) == 1; turns++)
		;
	ck_assert_int_eq(r, 0);
	ck_assert_uint_ge(turns, 2);
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_LOAD, .window = 3 }), 0);
	ck_assert_uint_eq(loaded, STAGING_WINDOW);

	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_REMOVE }), 0);
	ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &st), -1);
}
END_TEST

/* Of several pieces none is written behind one that was not. */
START_TEST(the_first_error_counts)
{
	struct piece *first = piece_of(0, SIZE, 0), *second = piece_of(0, 1, 0);

	first->next = second;
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_CREATE }), 0);
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_APPEND, .pieces = first }), -EFBIG);
	ck_assert_uint_eq(staging_have(disk_staging(disk)), SIZE);
}
END_TEST

START_TEST(abandoned)
{
	disk_abandon(disk);
	disk_begin(disk, (struct disk_task){ .kind = DISK_CREATE, .tag = strdup("tag"), .size = SIZE });
	disk_abandon(disk);
	ck_assert_int_eq(wait_for_it(), -ECANCELED);
	/* It was done all the same, and the next one is not concerned. */
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_OPEN }), 0);
}
END_TEST

START_TEST(free_waits)
{
	disk_begin(disk, (struct disk_task){ .kind = DISK_CREATE, .tag = strdup("tag"), .size = SIZE });
	disk = disk_free(disk);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(access(temp_path(dir, STAGING_FILE), F_OK), 0);
	ck_assert_ptr_null(disk_free(NULL));
}
END_TEST

/* It is told of, and waited for: there is no other disk. */
START_TEST(a_disk_that_hangs)
{
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	faults_hold(true);
	disk_begin(disk, (struct disk_task){ .kind = DISK_CREATE, .tag = strdup("tag"), .size = SIZE });
	ck_assert_uint_lt(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(60000);
	ck_assert_uint_eq(calls, 0);
	ck_assert(disk_busy(disk));
	faults_hold(false);
	ck_assert_int_eq(wait_for_it(), 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(no_thread)
{
	thread_error = EAGAIN;
	disk_begin(disk, (struct disk_task){ .kind = DISK_REMOVE });
	/* Its receiver hears of it from the loop. */
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(wait_for_it(), -EAGAIN);
	thread_error = 0;
	ck_assert_int_eq(run((struct disk_task){ .kind = DISK_REMOVE }), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk");
	TCase *c = tcase_create("disk");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, every_kind);
	tcase_add_test(c, the_first_error_counts);
	tcase_add_test(c, abandoned);
	tcase_add_test(c, free_waits);
	tcase_add_test(c, a_disk_that_hangs);
	tcase_add_test(c, no_thread);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
