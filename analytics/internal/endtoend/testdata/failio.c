// Preloaded into a program, it makes the program's writes to some files fail:
//
//	FAILIO_PATH   the part of a path that says which files
//	FAILIO_AT     the first write, sync or change of size that fails, from 1; 0 for none
//	FAILIO_TIMES  how many fail from there on; 0 for all
//	FAILIO_ERRNO  with which error
//	FAILIO_COUNT  a file that gets a byte for each call that was looked at
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long calls;

static long number(const char *name) {
	const char *text = getenv(name);
	return text ? atol(text) : 0;
}

static int is_ours(int fd) {
	const char *part = getenv("FAILIO_PATH");
	char link[64], path[4096];
	if (!part)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return strstr(path, part) != NULL;
}

static void count(void) {
	static ssize_t (*real)(int, const void *, size_t);
	if (!real)
		real = dlsym(RTLD_NEXT, "write");
	int fd = open(getenv("FAILIO_COUNT"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	real(fd, ".", 1);
	close(fd);
}

// fails says whether this call is to fail, and sets errno.
static int fails(int fd) {
	if (!is_ours(fd))
		return 0;
	pthread_mutex_lock(&mutex);
	long call = ++calls, at = number("FAILIO_AT"), times = number("FAILIO_TIMES");
	count();
	pthread_mutex_unlock(&mutex);
	if (at == 0 || call < at || (times > 0 && call >= at + times))
		return 0;
	errno = number("FAILIO_ERRNO");
	return 1;
}

#define WRAP(type, name, parameters, arguments)                                    \
	type name parameters {                                                     \
		static type(*real) parameters;                                     \
		if (!real)                                                         \
			real = dlsym(RTLD_NEXT, #name);                            \
		return fails(fd) ? -1 : real arguments;                            \
	}

WRAP(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
WRAP(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size))
