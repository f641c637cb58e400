/*
 * System calls on request. Reads lines "command argument...", makes the call, and answers one line:
 * "= value [more]" or "! ERRNO". Numbers are decimal or C's names; strings are 'x' and hex digits; bytes come back
 * the same way. "as UID command..." makes the call as another user.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <grp.h>
#include <unistd.h>

#define ARGS_MAX 16
#define BYTES_MAX (1 << 20)

static char *args[ARGS_MAX];
static int count;
static unsigned char bytes[BYTES_MAX + 4096] __attribute__((aligned(4096)));

#define NAME(x) {#x, x}

/* Constants whose values differ between machines, or say nothing as numbers. */
static const struct { const char *name; long value; } names[] = {
    NAME(O_RDONLY), NAME(O_WRONLY), NAME(O_RDWR), NAME(O_APPEND), NAME(O_CREAT), NAME(O_EXCL),
    NAME(O_TRUNC), NAME(O_DIRECTORY), NAME(O_NOFOLLOW), NAME(O_DIRECT), NAME(O_PATH), NAME(O_TMPFILE),
    NAME(O_SYNC), NAME(O_NONBLOCK), NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END), NAME(SEEK_DATA),
    NAME(SEEK_HOLE), NAME(PROT_READ), NAME(PROT_WRITE), NAME(PROT_EXEC), NAME(MAP_PRIVATE),
    NAME(MAP_SHARED), NAME(MAP_POPULATE), NAME(LOCK_SH), NAME(LOCK_EX), NAME(LOCK_NB), NAME(LOCK_UN),
    NAME(F_SETLK), NAME(F_OFD_SETLK), NAME(F_RDLCK), NAME(F_WRLCK), NAME(F_UNLCK), NAME(R_OK),
    NAME(W_OK), NAME(X_OK), NAME(F_OK), NAME(POLLIN), NAME(POLLOUT), NAME(POSIX_FADV_WILLNEED),
    NAME(POSIX_FADV_RANDOM), NAME(POSIX_FADV_SEQUENTIAL), NAME(POSIX_FADV_DONTNEED), NAME(ST_RDONLY),
    NAME(ST_NOSUID), NAME(ST_NODEV), NAME(SIGBUS), NAME(FALLOC_FL_KEEP_SIZE), NAME(FALLOC_FL_PUNCH_HOLE),
    NAME(DT_REG), NAME(DT_DIR), NAME(DT_LNK),
};

static long named(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i].name) == length && !strncmp(names[i].name, name, length)) return names[i].value;
  fprintf(stderr, "no constant %s\n", name);
  exit(2);
}

/* A number, or constants joined by '|'. */
static long number(int i) {
  if (i >= count) return 0;
  if (args[i][0] == '-' || (args[i][0] >= '0' && args[i][0] <= '9')) return strtol(args[i], NULL, 10);
  long value = 0;
  for (const char *p = args[i]; *p;) {
    size_t length = strcspn(p, "|");
    value |= named(p, length);
    p += length + (p[length] == '|');
  }
  return value;
}

/* Decodes a string in place. */
static char *string(int i) {
  if (i >= count || args[i][0] != 'x') { fprintf(stderr, "argument %d is no string\n", i); exit(2); }
  char *in = args[i] + 1, *out = args[i];
  size_t length = strlen(in) / 2;
  for (size_t k = 0; k < length; k++) {
    unsigned value;
    sscanf(in + 2 * k, "%2x", &value);
    out[k] = (char)value;
  }
  out[length] = 0;
  return out;
}

static void value(long result) {
  if (result < 0) printf("! %s\n", strerrorname_np(errno));
  else printf("= %ld\n", result);
}

static void data(const void *from, long length) {
  if (length < 0) { value(-1); return; }
  const unsigned char *p = from;
  printf("= %ld x", length);
  for (long i = 0; i < length; i++) printf("%02x", p[i]);
  printf("\n");
}

static void show(int result, const struct stat *st) {
  if (result < 0) { value(-1); return; }
  printf("= 0 %lu %o %lu %u %u %ld %ld %ld %ld %ld %ld %ld %ld %u:%u %ld\n", (unsigned long)st->st_ino,
         st->st_mode, (unsigned long)st->st_nlink, st->st_uid, st->st_gid, (long)st->st_size,
         (long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (long)st->st_atim.tv_sec, st->st_atim.tv_nsec,
         (long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (long)st->st_blocks, major(st->st_dev),
         minor(st->st_dev), (long)st->st_blksize);
}

static void show_statvfs(const char *path) {
  struct statvfs s;
  if (statvfs(path, &s) < 0) { value(-1); return; }
  printf("= 0 %lu %lu %lu %lu %lu %lu %lu %lu %lu\n", s.f_bsize, s.f_frsize, (unsigned long)s.f_blocks,
         (unsigned long)s.f_bfree, (unsigned long)s.f_bavail, (unsigned long)s.f_files,
         (unsigned long)s.f_ffree, s.f_flag, s.f_namemax);
}

/* Entries with number, type and place, as readdir gives them. */
static void list(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) { value(-1); return; }
  printf("= 0");
  struct dirent *e;
  errno = 0;
  while ((e = readdir(dir))) {
    printf(" x");
    for (const char *p = e->d_name; *p; p++) printf("%02x", (unsigned char)*p);
    printf(" %lu %d %ld", (unsigned long)e->d_ino, e->d_type, (long)e->d_off);
  }
  printf(errno ? " failed %d\n" : "\n", errno);
  closedir(dir);
}

/* Entries read with a buffer of this size; the number of entries. */
static void getdents(int fd, long size) {
  long entries = 0, n;
  lseek(fd, 0, SEEK_SET);
  while ((n = syscall(SYS_getdents64, fd, bytes, size)) > 0) {
    for (long at = 0; at < n; entries++) at += *(unsigned short *)(bytes + at + 16);
  }
  value(n < 0 ? n : entries);
}

/* Goes back to every step-th place and compares what follows; the number of places tried. */
static void seekdirs(const char *path, int step) {
  DIR *dir = opendir(path);
  if (!dir) { value(-1); return; }
  size_t n = 0, room = 1 << 16;
  char **names = malloc(room * sizeof *names);
  long *places = malloc(room * sizeof *places);
  struct dirent *e;
  for (;;) {
    places[n] = telldir(dir);
    if (!(e = readdir(dir)) || n + 1 == room) break;
    names[n++] = strdup(e->d_name);
  }
  long tried = 0;
  for (size_t from = 0; from <= n; from += step) {
    seekdir(dir, places[from]);
    for (size_t i = from; i < n && i < from + 300; i++) {
      e = readdir(dir);
      if (!e || strcmp(e->d_name, names[i])) {
        printf("= -1 at %zu of %zu\n", i, n);
        return;
      }
    }
    if (from == n && readdir(dir)) { printf("= -1 behind the end\n"); return; }
    tried++;
  }
  rewinddir(dir);
  for (size_t i = 0; i < n; i++) {
    e = readdir(dir);
    if (!e || strcmp(e->d_name, names[i])) { printf("= -1 after rewinddir at %zu\n", i); return; }
  }
  closedir(dir);
  value(tried);
}

static void map(int fd, long length, int prot, int flags, long offset) {
  unsigned char *p = mmap(NULL, length, prot, flags, fd, offset);
  if (p == MAP_FAILED) { value(-1); return; }
  if (prot & PROT_WRITE) p[0] ^= 0xFF;
  data(p, length);
  munmap(p, length);
}

/* The signal that a load from a mapping at this offset ends with, 0 if none. */
static void touch(int fd, long length, long at) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGBUS, SIG_DFL);
    volatile unsigned char *p = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) _exit(99);
    _exit(p[at] & 0);
  }
  int status;
  waitpid(child, &status, 0);
  value(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void through_pipe(int fd, long offset, long length) {
  int ends[2];
  loff_t from = offset;
  if (pipe(ends) < 0) { value(-1); return; }
  long n = splice(fd, &from, ends[1], NULL, length, 0);
  int saved = errno;
  long got = n < 0 ? n : read(ends[0], bytes, BYTES_MAX);
  close(ends[0]);
  close(ends[1]);
  if (n < 0) errno = saved;
  data(bytes, got);
}

static void through_memfd(int fd, long offset, long length) {
  int to = memfd_create("sendfile", 0);
  off_t from = offset;
  long n = sendfile(to, fd, &from, length);
  if (n < 0) value(-1);
  else data(bytes, pread(to, bytes, BYTES_MAX, 0));
  close(to);
}

static void copy_range(int in, const char *out, long length) {
  int to = open(out, O_CREAT | O_TRUNC | O_RDWR, 0600);
  if (to < 0) { value(-1); return; }
  long n = copy_file_range(in, NULL, to, NULL, length, 0);
  int saved = errno;
  close(to);
  errno = saved;
  value(n);
}

static void lock(int fd, int command, int type) {
  struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET};
  value(fcntl(fd, command, &l));
}

static void run(const char *path) {
  pid_t child = fork();
  if (child == 0) {
    execl(path, path, (char *)NULL);
    _exit(errno == EACCES ? 126 : 127);
  }
  int status;
  waitpid(child, &status, 0);
  value(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void serve(void);

static void as(long uid) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) {
      value(-1);
    } else {
      memmove(args, args + 2, sizeof args - 2 * sizeof *args);
      count -= 2;
      serve();
    }
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static int is(const char *name) { return !strcmp(args[0], name); }

static void serve(void) {
  struct stat st;
  struct iovec two[2] = {{bytes, 7}, {bytes + 7, BYTES_MAX - 7}};
  struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  struct pollfd p = {.events = POLLIN};
  if (is("as")) as(number(1));
  else if (is("constant")) value(number(1));
  else if (is("open")) value(open(string(1), (int)number(2), (mode_t)number(3)));
  else if (is("openat")) value(openat((int)number(1), string(2), (int)number(3), (mode_t)number(4)));
  else if (is("close")) value(close((int)number(1)));
  else if (is("read")) data(bytes, read((int)number(1), bytes, number(2)));
  else if (is("pread")) data(bytes, pread((int)number(1), bytes, number(2), number(3)));
  else if (is("preadv")) {
    two[1].iov_len = number(2) - 7;
    data(bytes, preadv((int)number(1), two, 2, number(3)));
  }
  else if (is("lseek")) value(lseek((int)number(1), number(2), (int)number(3)));
  else if (is("stat")) show(stat(string(1), &st), &st);
  else if (is("lstat")) show(lstat(string(1), &st), &st);
  else if (is("fstat")) show(fstat((int)number(1), &st), &st);
  else if (is("statvfs")) show_statvfs(string(1));
  else if (is("mkdir")) value(mkdir(string(1), 0755));
  else if (is("rmdir")) value(rmdir(string(1)));
  else if (is("unlink")) value(unlink(string(1)));
  else if (is("mknod")) value(mknod(string(1), S_IFIFO | 0600, 0));
  else if (is("rename")) value(rename(string(1), string(2)));
  else if (is("exchange")) value(renameat2(AT_FDCWD, string(1), AT_FDCWD, string(2), RENAME_EXCHANGE));
  else if (is("link")) value(link(string(1), string(2)));
  else if (is("symlink")) value(symlink(string(1), string(2)));
  else if (is("chmod")) value(chmod(string(1), 0600));
  else if (is("fchmod")) value(fchmod((int)number(1), 0600));
  else if (is("chown")) value(chown(string(1), 1, 1));
  else if (is("lchown")) value(lchown(string(1), 1, 1));
  else if (is("fchown")) value(fchown((int)number(1), 1, 1));
  else if (is("utimens")) value(utimensat(AT_FDCWD, string(1), now, 0));
  else if (is("lutimens")) value(utimensat(AT_FDCWD, string(1), now, AT_SYMLINK_NOFOLLOW));
  else if (is("utimensomit")) value(utimensat(AT_FDCWD, string(1), omit, 0));
  else if (is("futimens")) value(futimens((int)number(1), now));
  else if (is("truncate")) value(truncate(string(1), number(2)));
  else if (is("ftruncate")) value(ftruncate((int)number(1), number(2)));
  else if (is("fallocate")) value(fallocate((int)number(1), (int)number(2), 0, 10));
  else if (is("write")) value(write((int)number(1), "x", 1));
  else if (is("pwrite")) value(pwrite((int)number(1), "x", 1, 0));
  else if (is("setxattr")) value(setxattr(string(1), string(2), "v", 1, 0));
  else if (is("lsetxattr")) value(lsetxattr(string(1), string(2), "v", 1, 0));
  else if (is("fsetxattr")) value(fsetxattr((int)number(1), string(2), "v", 1, 0));
  else if (is("removexattr")) value(removexattr(string(1), string(2)));
  else if (is("getxattr")) {
    long n = getxattr(string(1), string(2), bytes, number(3));
    if (number(3)) data(bytes, n);
    else value(n);
  }
  else if (is("fgetxattr")) data(bytes, fgetxattr((int)number(1), string(2), bytes, number(3)));
  else if (is("lgetxattr")) data(bytes, lgetxattr(string(1), string(2), bytes, number(3)));
  else if (is("listxattr")) {
    long n = listxattr(string(1), (char *)bytes, number(2));
    if (number(2)) data(bytes, n);
    else value(n);
  }
  else if (is("readlink")) data(bytes, readlink(string(1), (char *)bytes, number(2)));
  else if (is("access")) value(access(string(1), (int)number(2)));
  else if (is("list")) list(string(1));
  else if (is("getdents")) getdents((int)number(1), number(2));
  else if (is("seekdirs")) seekdirs(string(1), (int)number(2));
  else if (is("mmap")) map((int)number(1), number(2), (int)number(3), (int)number(4), number(5));
  else if (is("touch")) touch((int)number(1), number(2), number(3));
  else if (is("splice")) through_pipe((int)number(1), number(2), number(3));
  else if (is("sendfile")) through_memfd((int)number(1), number(2), number(3));
  else if (is("copyrange")) copy_range((int)number(1), string(2), number(3));
  else if (is("flock")) value(flock((int)number(1), (int)number(2)));
  else if (is("lock")) lock((int)number(1), (int)number(2), (int)number(3));
  else if (is("fsync")) value(fsync((int)number(1)));
  else if (is("fdatasync")) value(fdatasync((int)number(1)));
  else if (is("syncfs")) value(syncfs((int)number(1)));
  else if (is("fadvise")) {
    errno = posix_fadvise((int)number(1), 0, 0, (int)number(2));
    value(errno ? -1 : 0);
  }
  else if (is("readahead")) value(readahead((int)number(1), number(2), number(3)));
  else if (is("poll")) {
    p.fd = (int)number(1);
    poll(&p, 1, 0);
    value(p.revents);
  }
  else if (is("chdir")) value(chdir(string(1)));
  else if (is("run")) run(string(1));
  else { fprintf(stderr, "unknown command %s\n", args[0]); exit(2); }
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  while (getline(&line, &room, stdin) > 0) {
    count = 0;
    for (char *word = strtok(line, " \n"); word && count < ARGS_MAX; word = strtok(NULL, " \n"))
      args[count++] = word;
    if (count) serve();
    fflush(stdout);
  }
  return 0;
}
