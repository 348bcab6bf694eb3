/* The jobs of a soak and those around them. One small program without a C library, because what is measured is the
 * supervisor and not the loading of programs: several thousand of these can be started in a second.
 *
 *   actor job FIFO NUMBER LIFE GO       tells its birth and lives for ever; but if there is a file GO, it lives so
 *                                       many microseconds, tells its death as its last act, ends with status 1
 *   actor storm FIFO COUNT LIFE         makes so many children that end with status 7 at once, or after their
 *                                       lives in groups of their own; tells when all are made and ends with
 *                                       status 33 without having waited for any
 *   actor racer FIFO VERSION            lives for as short as it likes or until it is told to end, and may have a
 *                                       child in its group, or in another one of its session
 *   actor keeper FIFO COUNT             keeps so many strangers alive, each of which ends with status 0 after a
 *                                       moment and may leave a child in its session that does the same, and tells
 *                                       how many there were and how many ended otherwise
 *
 * What is told is a struct record, written to FIFO at once. */
#include <asm/unistd.h>

#define NANOS 1000000000UL

struct record {
	unsigned long what, number, pid, at;
};
struct timespec {
	long sec, nsec;
};
enum { BORN = 1, DYING, STORMED, STRANGERS };
enum { O_WRONLY = 1, CLOCK_MONOTONIC = 1, SIGCHLD = 17, WNOHANG = 1, AT_FDCWD = -100, PR_SET_CHILD_SUBREAPER = 36 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
static long call(long n, long a, long b, long c, long d, long e)
{
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
			 : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");
static long call(long n, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "no system calls are known for this machine"
#endif

__attribute__((noreturn)) static void end(long status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0, 0);
}

static long fork(void)
{
	return call(__NR_clone, SIGCHLD, 0, 0, 0, 0);
}

static unsigned long now(void)
{
	struct timespec time;
	call(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&time, 0, 0, 0);
	return time.sec * NANOS + time.nsec;
}

static void sleep_until(unsigned long at)
{
	struct timespec time = {at / NANOS, at % NANOS};
	/* TIMER_ABSTIME */
	while (call(__NR_clock_nanosleep, CLOCK_MONOTONIC, 1, (long)&time, 0, 0) == -4)
		;
}

__attribute__((noreturn)) static void sleep_for_ever(void)
{
	for (;;)
		call(__NR_ppoll, 0, 0, 0, 0, 0);
}

static void tell(int fifo, unsigned long what, unsigned long number, unsigned long pid)
{
	struct record record = {what, number, pid, now()};
	if (call(__NR_write, fifo, (long)&record, sizeof record, 0, 0) != sizeof record)
		end(99);
}

static unsigned long number_in(const char *text)
{
	unsigned long number = 0;
	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (*text - '0');
	return number;
}

static unsigned long seed;

static unsigned long below(unsigned long limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

static void reseed(void)
{
	seed = (now() << 20 ^ call(__NR_getpid, 0, 0, 0, 0, 0)) | 1;
	below(2);
}

__attribute__((noreturn)) static void job(int fifo, char **argv)
{
	unsigned long number = number_in(argv[0]), pid = call(__NR_getpid, 0, 0, 0, 0, 0);
	unsigned long life = number_in(argv[1]) * 1000;
	tell(fifo, BORN, number, pid);
	if (call(__NR_faccessat, AT_FDCWD, (long)argv[2], 0, 0, 0) != 0)
		sleep_for_ever();
	if (life)
		sleep_until(now() + life);
	tell(fifo, DYING, number, pid);
	end(1);
}

__attribute__((noreturn)) static void storm(int fifo, char **argv)
{
	unsigned long count = number_in(argv[0]), life = number_in(argv[1]) * 1000, made = 0;
	while (made < count) {
		long pid = fork();
		if (pid == 0) {
			if (life)
				sleep_until(now() + life);
			end(7);
		}
		if (pid < 0) {
			sleep_until(now() + NANOS / 1000);
			continue;
		}
		made++;
		/* By us, so that it is done before we end: what is left of our own group would be told to end. */
		if (life)
			call(__NR_setpgid, pid, 0, 0, 0, 0);
	}
	tell(fifo, STORMED, made, call(__NR_getpid, 0, 0, 0, 0, 0));
	end(33);
}

__attribute__((noreturn)) static void racer(void)
{
	reseed();
	unsigned long way = below(4);
	if (way == 0 && fork() == 0) {
		/* Another number, or it would do what its parent does. */
		reseed();
		if (below(2))
			call(__NR_setpgid, 0, 0, 0, 0, 0);
		if (below(2))
			sleep_for_ever();
		sleep_until(now() + below(NANOS / 200));
		end(0);
	}
	if (way == 1)
		sleep_for_ever();
	sleep_until(now() + below(NANOS / 200));
	end(0);
}

__attribute__((noreturn)) static void keeper(int fifo, char **argv)
{
	unsigned long count = number_in(argv[0]), born = 0, hit = 0, live = 0;
	call(__NR_setsid, 0, 0, 0, 0, 0);
	/* What strangers leave comes here. */
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	reseed();
	for (;;) {
		unsigned long life = below(NANOS / 500), leaves = below(3) == 0;
		long pid = live < count ? fork() : -1;
		if (pid == 0) {
			call(__NR_setsid, 0, 0, 0, 0, 0);
			if (leaves && fork() == 0) {
				call(__NR_setpgid, 0, 0, 0, 0, 0);
				sleep_until(now() + 4 * life);
				end(0);
			}
			sleep_until(now() + life);
			end(0);
		}
		if (pid > 0) {
			live += 1 + leaves;
			if (++born % 100 == 0)
				tell(fifo, STRANGERS, born, hit);
			continue;
		}
		if (live == 0)
			sleep_until(now() + NANOS / 1000);
		long ended = 1;
		for (int options = 0, status = 0; live && ended > 0; options = WNOHANG) {
			ended = call(__NR_wait4, -1, (long)&status, options, 0, 0);
			if (ended > 0) {
				live--;
				hit += status != 0;
			}
		}
		/* ECHILD: there was no number for what was to be left. */
		if (ended == -10)
			live = 0;
	}
}

__attribute__((used)) void begin(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	if (argc < 4)
		end(98);
	int fifo = call(__NR_openat, AT_FDCWD, (long)argv[2], O_WRONLY, 0, 0);
	if (fifo < 0)
		end(97);
	switch (argv[1][0]) {
	case 'j':
		job(fifo, argv + 3);
	case 's':
		storm(fifo, argv + 3);
	case 'r':
		racer();
	case 'k':
		keeper(fifo, argv + 3);
	}
	end(96);
}
