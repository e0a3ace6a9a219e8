/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#endif

/* --- limits --- */

#define MAX_DESCRIPTORS 32
#define MAX_MEMORY      (64u << 20)

static void limit(int what, rlim_t most)
{
	const struct rlimit both = { .rlim_cur = most, .rlim_max = most };

	/* The service manager may forbid the call; it has limits of its own. */
	(void)setrlimit((__rlimit_resource_t)what, &both);
}

void confine_limits(void)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, MAX_DESCRIPTORS);
#ifndef SANITIZED /* which maps terabytes */
	limit(RLIMIT_DATA, MAX_MEMORY);
#endif
}

/* --- Landlock: the headers of the build may be older than the kernel --- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

struct ruleset {
	uint64_t access_fs;
	uint64_t access_net; /* ABI 4 */
	uint64_t scoped;     /* ABI 6 */
};

struct net_port {
	uint64_t allowed;
	uint64_t port;
};

enum {
	CREATE_VERSION = 1,
	RULE_NET_PORT = 2,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

/* All that there is to do with files, by ABI: from reading and writing to, since 5, ioctl() on devices. */
static uint64_t all_of_files(int abi)
{
	static const unsigned bits[] = { 0, 13, 14, 15, 15, 16 };

	return (1u << bits[(size_t)abi < ELEMENTS(bits) ? (size_t)abi : ELEMENTS(bits) - 1]) - 1;
}

static size_t size_for(int abi)
{
	if (abi < 4)
		return offsetof(struct ruleset, access_net);
	return abi < 6 ? offsetof(struct ruleset, scoped) : sizeof(struct ruleset);
}

static int restrict_self(uint16_t port)
{
	const struct net_port connect = { .allowed = NET_CONNECT_TCP, .port = port };
	struct ruleset rules = { 0 };
	int abi, fd, r = 0;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	if (abi < 1)
		return -ENOSYS;
	rules.access_fs = all_of_files(abi);
	if (abi >= 4)
		rules.access_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		rules.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size_for(abi), 0);
	if (fd < 0)
		return -errno;
	if ((abi >= 4 && syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &connect, 0) < 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* --- seccomp: not on i386, where sockets have a call in common that says in memory what it wants --- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

/* What no machine of ours lacks; newer architectures have no number for the older calls. */
static const int refused[] = {
#ifdef SYS_open
	SYS_open,
	SYS_creat,
	SYS_fork,
	SYS_vfork,
	SYS_unlink,
	SYS_rename,
	SYS_link,
	SYS_symlink,
	SYS_mkdir,
	SYS_rmdir,
	SYS_mknod,
	SYS_chmod,
	SYS_chown,
	SYS_lchown,
#endif
#ifdef SYS_utime
	SYS_utime,
#endif
#ifdef SYS_utimes
	SYS_utimes,
	SYS_futimesat,
#endif
#ifdef SYS_truncate64
	SYS_truncate64,
	SYS_chown32,
	SYS_lchown32,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
	SYS_openat,
	SYS_open_by_handle_at,
	SYS_unlinkat,
	SYS_renameat2,
	SYS_linkat,
	SYS_symlinkat,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_fchmodat,
	SYS_fchownat,
	SYS_truncate,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_utimensat,
	SYS_mount,
	SYS_umount2,
	SYS_chroot,
	SYS_pivot_root,
	SYS_execve,
	SYS_execveat,
	SYS_clone,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
	SYS_sched_setaffinity,
	SYS_sched_setattr,
	SYS_sched_setparam,
	SYS_sched_setscheduler,
	SYS_setpriority,
	SYS_ioprio_set,
	SYS_migrate_pages,
	SYS_move_pages,
	SYS_kcmp,
	SYS_bind,
	SYS_listen,
	SYS_accept4,
#ifdef SYS_accept
	SYS_accept,
#endif
	SYS_sendmmsg,
	SYS_ioctl, /* among them: keys into a terminal, signals from a socket */
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_unshare,
	SYS_setns,
	SYS_memfd_create,
	SYS_personality,
	SYS_prctl,
	SYS_shmget,
	SYS_shmat,
	SYS_msgget,
	SYS_semget,
	SYS_mq_open,
	/* The same numbers everywhere. */
	424 /* pidfd_send_signal */,
	425 /* io_uring_setup */,
	428 /* open_tree */,
	429 /* move_mount */,
	430 /* fsopen */,
	433 /* fspick */,
	434 /* pidfd_open */,
	435 /* clone3 */,
	437 /* openat2 */,
	438 /* pidfd_getfd */,
	440 /* process_madvise */,
	442 /* mount_setattr */,
	448 /* process_mrelease */,
	452 /* fchmodat2 */,
	463 /* setxattrat */,
	466 /* removexattrat */,
	467 /* open_tree_attr */,
	469 /* file_setattr */,
};

#define SELF      UINT32_MAX /* getpid() */
#define SOCK_MASK 0xf        /* of a type, without the flags */
#define ANY_BIT   UINT32_MAX

/* These bits of an argument have to be one of two. */
static const struct check {
	int call;
	unsigned argument;
	uint32_t bits, one, other;
} checks[] = {
	/* TCP. Not its cousins, which Landlock does not know; not datagrams, which go where they like. */
	{ SYS_socket, 0, ANY_BIT, AF_INET, AF_INET6 },
	{ SYS_socket, 1, SOCK_MASK, SOCK_STREAM, SOCK_STREAM },
	{ SYS_socket, 2, ANY_BIT, 0, IPPROTO_TCP },
	{ SYS_socketpair, 1, SOCK_MASK, SOCK_STREAM, SOCK_STREAM },
	/* To connect by sending. */
	{ SYS_sendto, 3, MSG_FASTOPEN, 0, 0 },
	{ SYS_sendmsg, 2, MSG_FASTOPEN, 0, 0 },
	/* abort(); its own limits. */
	{ SYS_tgkill, 0, ANY_BIT, SELF, SELF },
	{ SYS_prlimit64, 0, ANY_BIT, 0, SELF },
/* Up to F_SETLKW: the next ones name a process that is to get signals. */
#ifdef SYS_fcntl64
	{ SYS_fcntl64, 1, ~7u, 0, 0 },
#endif
	{ SYS_fcntl, 1, ~7u, 0, 0 },
};

struct program {
	struct sock_filter code[2 * ELEMENTS(refused) + 7 * ELEMENTS(checks) + 16];
	unsigned short n;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	p->code[p->n++] = (struct sock_filter){ .code = code, .jt = yes, .jf = no, .k = k };
}

static void emit_load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct program *p, uint32_t what)
{
	emit(p, BPF_RET | BPF_K, what, 0, 0);
}

/* The call fails; nothing is killed, so that the process still says why it ends. */
#define REFUSE (SECCOMP_RET_ERRNO | EACCES)

static void emit_check(struct program *p, const struct check *c)
{
	const uint32_t self = (uint32_t)getpid();
	size_t low = offsetof(struct seccomp_data, args[0]) + c->argument * sizeof(uint64_t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	low += sizeof(uint32_t);
#endif
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->call, 0, 6);
	emit_load(p, low);
	emit(p, BPF_ALU | BPF_AND | BPF_K, c->bits, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->one == SELF ? self : c->one, 2, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->other == SELF ? self : c->other, 1, 0);
	emit_return(p, REFUSE);
	emit_load(p, offsetof(struct seccomp_data, nr));
}

static int filter_calls(void)
{
#ifdef ARCHITECTURE
	struct program p = { .n = 0 };
	struct sock_fprog program = { .filter = p.code };

	emit_load(&p, offsetof(struct seccomp_data, arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	emit_return(&p, SECCOMP_RET_KILL_PROCESS);
	emit_load(&p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	/* The same calls by other numbers: x32. */
	emit(&p, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	emit_return(&p, REFUSE);
#endif
	for (size_t i = 0; i < ELEMENTS(refused); i++) {
		emit(&p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
		emit_return(&p, REFUSE);
	}
	for (size_t i = 0; i < ELEMENTS(checks); i++)
		emit_check(&p, &checks[i]);
	emit_return(&p, SECCOMP_RET_ALLOW);
	program.len = p.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
#else
	return -ENOSYS;
#endif
}

unsigned confine(unsigned layers, uint16_t port)
{
	unsigned done = 0;

	(void)prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 0;
	if ((layers & CONFINE_LANDLOCK) && restrict_self(port) == 0)
		done |= CONFINE_LANDLOCK;
	if ((layers & CONFINE_SECCOMP) && filter_calls() == 0)
		done |= CONFINE_SECCOMP;
	return done;
}
