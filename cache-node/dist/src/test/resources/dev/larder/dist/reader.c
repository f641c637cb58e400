/*
 * reader STOP TARGET SOURCE SEED FILE...: opens, lists, reads and compares files below TARGET with those
 * below SOURCE, one after another and at random places, until STOP exists. The first FILE is open and
 * mapped all the time. At its end it asks for a name that is not there, so that whoever looks at its
 * calls knows that an error would be seen. Status 1, with words, at the first fault.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536, PATH_MOST = 4096, PAUSE_MICROS = 3000 };

static char buffer[PIECE];

static void fail(const char *what, const char *path) {
  printf("%s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static char *below(const char *folder, const char *name) {
  static char path[2][PATH_MOST];
  static int turn;
  turn = !turn;
  snprintf(path[turn], PATH_MOST, "%s/%s", folder, name);
  return path[turn];
}

/* The bytes of a file, mapped; its length. */
static char *map(const char *path, int flags, size_t *length) {
  struct stat about;
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail("open", path);
  if (fstat(fd, &about) < 0) fail("fstat", path);
  *length = about.st_size;
  char *bytes = mmap(NULL, *length, PROT_READ, flags, fd, 0);
  if (bytes == MAP_FAILED) fail("mmap", path);
  return bytes;
}

static void compare(const char *path, const char *got, const char *right, size_t length) {
  errno = 0;
  if (memcmp(got, right, length)) fail("differs", path);
}

static void read_whole(int fd, const char *path, const char *right, size_t length) {
  size_t at = 0;
  while (at < length) {
    ssize_t count = read(fd, buffer, PIECE);
    if (count <= 0) fail(count ? "read" : "ends early", path);
    compare(path, buffer, right + at, count);
    at += count;
  }
  if (read(fd, buffer, PIECE) != 0) fail("goes on", path);
}

static void read_places(int fd, const char *path, const char *right, size_t length) {
  for (int i = 0; i < 4; i++) {
    size_t at = random() % length;
    size_t most = length - at < PIECE ? length - at : PIECE;
    ssize_t count = pread(fd, buffer, most, at);
    if (count <= 0) fail(count ? "pread" : "ends early", path);
    compare(path, buffer, right + at, count);
  }
}

static void list(const char *folder) {
  DIR *directory = opendir(folder);
  if (!directory) fail("opendir", folder);
  errno = 0;
  while (readdir(directory)) errno = 0;
  if (errno) fail("readdir", folder);
  closedir(directory);
}

int main(int count, char **words) {
  const char *stop = words[1], *target = words[2], *source = words[3];
  srandom(atoi(words[4]));
  size_t lengths[count];
  char *right[count];
  for (int i = 5; i < count; i++) right[i] = map(below(source, words[i]), MAP_PRIVATE, &lengths[i]);
  size_t held_length;
  char *held = map(below(target, words[5]), MAP_SHARED, &held_length);
  int held_fd = open(below(target, words[5]), O_RDONLY);
  if (held_fd < 0) fail("open", words[5]);
  while (access(stop, F_OK)) {
    int i = 5 + random() % (count - 5);
    const char *path = below(target, words[i]);
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail("open", path);
    if (random() % 4 == 0) {
      read_whole(fd, path, right[i], lengths[i]);
    } else {
      read_places(fd, path, right[i], lengths[i]);
    }
    close(fd);
    list(target);
    size_t at = random() % held_length;
    /* What is in the page cache would be asked of nobody. */
    posix_fadvise(held_fd, 0, 0, POSIX_FADV_DONTNEED);
    compare(words[5], held + at, right[5] + at, held_length - at < PIECE ? held_length - at : PIECE);
    read_places(held_fd, words[5], right[5], lengths[5]);
    usleep(PAUSE_MICROS);
  }
  if (open(below(target, "no-such-file"), O_RDONLY) >= 0) fail("is there", "no-such-file");
  return 0;
}
