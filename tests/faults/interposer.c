/* Between a process and the disk: system calls on chosen files go wrong as a test wants them to.

   Loaded with LD_PRELOAD. FAULTS_CONTROL names a file with a `struct control`, which the test writes
   to while the process runs. Where FAULTS_DISK names a folder, that folder has each file of the
   store as a power cut would leave it: what was written goes there at a sync that succeeds, and is
   lost at one that fails, as it is on Linux, where the pages of a failed sync count as clean. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum operation { WRITE = 1, SYNC = 2, TRUNCATE = 4 };
enum action { NOTHING, FAIL, SHORT, DELAY, KILL_BEFORE, KILL_HALFWAY, KILL_AFTER };

struct control {
  int64_t action;
  int64_t operations; /* a sum of `enum operation` */
  int64_t skip;       /* so many matching calls go well first */
  int64_t times;      /* then this happens to so many */
  int64_t error;      /* FAIL: the errno */
  int64_t amount;     /* SHORT: bytes that are written; DELAY: microseconds */
  int64_t armed;      /* whether a file like `armed_by` was written to */
  int64_t calls;      /* how many calls were looked at since the process began */
  int64_t happened;   /* how often it has gone wrong */
  char file[64];      /* part of the path of the files that are meant, or its end and `$` */
  char armed_by[64];  /* empty, or the same of a file that has to be written to before */
  char last[128];     /* the path of the file where it last went wrong */
};

static struct control *control;
static const char *disk;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  disk = getenv("FAULTS_DISK");
  const char *path = getenv("FAULTS_CONTROL");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

/* -- which call goes wrong ---------------------------------------------------------------------- */

static int path_of(int fd, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return length > 0 && path[0] == '/';
}

/* Whether a path is meant by a part of one; with a `$` behind it, by an end of one. */
static int is_meant(const char *path, const char *part) {
  size_t length = strlen(part), whole = strlen(path);
  if (length == 0 || part[length - 1] != '$') return strstr(path, part) != NULL;
  length--;
  return whole >= length && strncmp(path + whole - length, part, length) == 0;
}

/* What is to happen to this call; NOTHING for nearly all of them. */
static enum action chosen(enum operation operation, const char *path) {
  enum action action = NOTHING;
  pthread_mutex_lock(&lock);
  control->calls++;
  if (control->armed_by[0] && operation == WRITE && is_meant(path, control->armed_by))
    control->armed = 1;
  int matches = control->action && (control->operations & operation) &&
                is_meant(path, control->file) && (!control->armed_by[0] || control->armed);
  if (matches && control->skip > 0) {
    control->skip--;
  } else if (matches && control->times > 0) {
    control->times--;
    control->happened++;
    action = control->action;
    snprintf(control->last, sizeof control->last, "%s", path);
  }
  pthread_mutex_unlock(&lock);
  if (action == DELAY) {
    struct timespec pause = {control->amount / 1000000, control->amount % 1000000 * 1000};
    nanosleep(&pause, NULL);
  } else if (action == KILL_BEFORE) {
    kill(getpid(), SIGKILL);
  }
  return action;
}

static void kill_after(enum action action) {
  if (action == KILL_AFTER || action == KILL_HALFWAY) kill(getpid(), SIGKILL);
}

/* -- the disk that a power cut leaves ------------------------------------------------------------ */

struct change { /* a write, or a truncation where data is NULL */
  char *data;
  size_t length;
  off_t at;
  struct change *next;
};
struct file {
  char name[NAME_MAX + 1];
  struct change *first, *last;
  struct file *next;
};
static struct file *files;

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int is_kept(const char *path) {
  return disk && strncmp(name_of(path), "events.db", 9) == 0 && !strstr(path, "-shm") &&
         strncmp(path, disk, strlen(disk)) != 0;
}

static struct file *file_of(const char *path) {
  for (struct file *file = files; file; file = file->next)
    if (strcmp(file->name, name_of(path)) == 0) return file;
  struct file *file = calloc(1, sizeof *file);
  snprintf(file->name, sizeof file->name, "%s", name_of(path));
  file->next = files;
  return files = file;
}

static void note(const char *path, const void *data, size_t length, off_t at) {
  struct change *change = calloc(1, sizeof *change);
  if (data) {
    change->data = malloc(length);
    memcpy(change->data, data, length);
  }
  change->length = length;
  change->at = at;
  pthread_mutex_lock(&lock);
  struct file *file = file_of(path);
  if (file->last) file->last->next = change; else file->first = change;
  file->last = change;
  pthread_mutex_unlock(&lock);
}

/* Put what was written on the disk, or lose it. */
static void settle(const char *path, int reached) {
  char target[PATH_MAX];
  pthread_mutex_lock(&lock);
  struct file *file = file_of(path);
  snprintf(target, sizeof target, "%s/%s", disk, file->name);
  int fd = reached ? open(target, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  while (file->first) {
    struct change *change = file->first;
    if (fd >= 0 && change->data &&
        real_pwrite(fd, change->data, change->length, change->at) != (ssize_t)change->length)
      abort();
    if (fd >= 0 && !change->data && real_ftruncate(fd, change->at)) abort();
    file->first = change->next;
    free(change->data);
    free(change);
  }
  file->last = NULL;
  if (fd >= 0) close(fd);
  pthread_mutex_unlock(&lock);
}

/* -- the calls ----------------------------------------------------------------------------------- */

static ssize_t written(int fd, const void *data, size_t length, off_t at, int sequential) {
  char path[PATH_MAX];
  if (!control || !path_of(fd, path))
    return sequential ? real_write(fd, data, length) : real_pwrite(fd, data, length, at);
  enum action action = chosen(WRITE, path);
  if (action == FAIL) {
    errno = control->error;
    return -1;
  }
  size_t some = length;
  if (action == SHORT && (size_t)control->amount < length) some = control->amount;
  if (action == KILL_HALFWAY) some = length / 2;
  if (sequential) at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = sequential ? real_write(fd, data, some) : real_pwrite(fd, data, some, at);
  if (done > 0 && is_kept(path)) note(path, data, done, at);
  kill_after(action);
  return done;
}

static int synced(int fd, int (*real)(int)) {
  char path[PATH_MAX];
  if (!control || !path_of(fd, path)) return real(fd);
  enum action action = chosen(SYNC, path);
  if (action == FAIL) {
    if (is_kept(path)) settle(path, 0);
    errno = control->error;
    return -1;
  }
  int done = real(fd);
  if (is_kept(path)) settle(path, done == 0);
  kill_after(action);
  return done;
}

static int truncated(int fd, off_t length) {
  char path[PATH_MAX];
  if (!control || !path_of(fd, path)) return real_ftruncate(fd, length);
  enum action action = chosen(TRUNCATE, path);
  if (action == FAIL) {
    errno = control->error;
    return -1;
  }
  int done = real_ftruncate(fd, length);
  if (done == 0 && is_kept(path)) note(path, NULL, 0, length);
  kill_after(action);
  return done;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
  return written(fd, data, length, at, 0);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) {
  return written(fd, data, length, at, 0);
}
int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }
int ftruncate(int fd, off_t length) { return truncated(fd, length); }
int ftruncate64(int fd, off_t length) { return truncated(fd, length); }

int unlink(const char *path) {
  int done = real_unlink(path);
  if (done == 0 && is_kept(path)) {
    char target[PATH_MAX];
    settle(path, 0);
    snprintf(target, sizeof target, "%s/%s", disk, name_of(path));
    real_unlink(target);
  }
  return done;
}
