/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

/* --- seccomp --- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
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
	442 /* mount_setattr */,
	452 /* fchmodat2 */,
	463 /* setxattrat */,
};

struct program {
	struct sock_filter code[2 * ELEMENTS(refused) + 32];
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

/* The first argument of this call has to be one of two. */
static void emit_first_of(struct program *p, int call, uint32_t one, uint32_t other)
{
	size_t low = offsetof(struct seccomp_data, args[0]);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	low += sizeof(uint32_t);
#endif
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 5);
	emit_load(p, low);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, one, 2, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, other, 1, 0);
	emit_return(p, REFUSE);
	emit_return(p, SECCOMP_RET_ALLOW);
}

static int filter_calls(void)
{
#ifdef ARCHITECTURE
	struct program p = { .n = 0 };
	struct sock_fprog program = { .filter = p.code };
	uint32_t self = (uint32_t)getpid();

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
	emit_first_of(&p, SYS_socket, AF_INET, AF_INET6);
	emit_first_of(&p, SYS_tgkill, self, self); /* abort() */
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
