/*
 * Gives a program a socket when it opens /dev/vmbus/hv_kvp.
 *
 * LD_PRELOAD this library, and set KVP_SOCKET to the path of the emulated host's SOCK_SEQPACKET
 * socket. The first packet that comes over it is the errno of the open, 0 if the device was free.
 * Every other file is opened as ever. What the program says to syslog goes to its standard error,
 * so that a test leaves nothing in the machine's own log.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define DEVICE "/dev/vmbus/hv_kvp"

static int open_socket(int flags)
{
	const char *path = getenv("KVP_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int refusal, fd, kind = SOCK_SEQPACKET;

	if (!path || strlen(path) >= sizeof(address.sun_path)) {
		errno = ENOENT;
		return -1;
	}
	strcpy(address.sun_path, path);
	if (flags & O_CLOEXEC)
		kind |= SOCK_CLOEXEC;
	fd = socket(AF_UNIX, kind, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    recv(fd, &refusal, sizeof(refusal), 0) != sizeof(refusal))
		refusal = ENOENT;
	if (refusal) {
		close(fd);
		errno = refusal;
		return -1;
	}
	if (flags & O_NONBLOCK)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
	if (strcmp(path, DEVICE) == 0)
		return open_socket(flags);
	return syscall(SYS_openat, directory, path, flags, mode);
}

#define MODE_ARGUMENT(flags, mode)                                   \
	do {                                                         \
		if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
			va_list arguments;                           \
			va_start(arguments, flags);                  \
			mode = va_arg(arguments, mode_t);            \
			va_end(arguments);                           \
		}                                                    \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return open_any(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return open_any(directory, path, flags, mode);
}

int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

static void say(const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	dprintf(2, "%s%s", line, strchr(line, '\n') ? "" : "\n");
}

void openlog(const char *name, int options, int facility)
{
}

void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}
