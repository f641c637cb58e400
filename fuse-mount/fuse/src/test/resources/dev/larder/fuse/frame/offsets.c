/* Prints what this machine's <linux/fuse.h> says, one "name value" a line. */
#include <linux/fuse.h>
#include <stddef.h>
#include <stdio.h>

#define VALUE(name, value) printf("%s %lld\n", name, (long long)(value))
#define SIZE(name, type) VALUE(name ".BYTES", sizeof(struct type))
#define AT(name, type, member) VALUE(name, offsetof(struct type, member))

int main(void) {
  VALUE("minor", FUSE_KERNEL_MINOR_VERSION);

  SIZE("RequestHeader", fuse_in_header);
  AT("RequestHeader.LEN", fuse_in_header, len);
  AT("RequestHeader.OPCODE", fuse_in_header, opcode);
  AT("RequestHeader.UNIQUE", fuse_in_header, unique);
  AT("RequestHeader.NODE_ID", fuse_in_header, nodeid);
  AT("RequestHeader.UID", fuse_in_header, uid);
  AT("RequestHeader.GID", fuse_in_header, gid);
  AT("RequestHeader.PID", fuse_in_header, pid);

  SIZE("ReplyHeader", fuse_out_header);
  AT("ReplyHeader.LEN", fuse_out_header, len);
  AT("ReplyHeader.ERROR", fuse_out_header, error);
  AT("ReplyHeader.UNIQUE", fuse_out_header, unique);

  AT("InitRequest.MAJOR", fuse_init_in, major);
  AT("InitRequest.MINOR", fuse_init_in, minor);
  AT("InitRequest.MAX_READAHEAD", fuse_init_in, max_readahead);
  AT("InitRequest.FLAGS", fuse_init_in, flags);
#if FUSE_KERNEL_MINOR_VERSION >= 36
  SIZE("InitRequest", fuse_init_in);
  AT("InitRequest.FLAGS2", fuse_init_in, flags2);
#endif

  SIZE("InitReply", fuse_init_out);
  AT("InitReply.MAJOR", fuse_init_out, major);
  AT("InitReply.MINOR", fuse_init_out, minor);
  AT("InitReply.MAX_READAHEAD", fuse_init_out, max_readahead);
  AT("InitReply.FLAGS", fuse_init_out, flags);
  AT("InitReply.MAX_BACKGROUND", fuse_init_out, max_background);
  AT("InitReply.CONGESTION_THRESHOLD", fuse_init_out, congestion_threshold);
  AT("InitReply.MAX_WRITE", fuse_init_out, max_write);
  AT("InitReply.TIME_GRAN", fuse_init_out, time_gran);
  AT("InitReply.MAX_PAGES", fuse_init_out, max_pages);
#if FUSE_KERNEL_MINOR_VERSION >= 36
  AT("InitReply.FLAGS2", fuse_init_out, flags2);
#endif
#if FUSE_KERNEL_MINOR_VERSION >= 40
  AT("InitReply.MAX_STACK_DEPTH", fuse_init_out, max_stack_depth);
#endif

  SIZE("Attr", fuse_attr);
  AT("Attr.INO", fuse_attr, ino);
  AT("Attr.SIZE", fuse_attr, size);
  AT("Attr.BLOCKS", fuse_attr, blocks);
  AT("Attr.MODE", fuse_attr, mode);
  AT("Attr.NLINK", fuse_attr, nlink);
  AT("Attr.BLKSIZE", fuse_attr, blksize);

  SIZE("EntryReply", fuse_entry_out);
  AT("EntryReply.NODE_ID", fuse_entry_out, nodeid);
  AT("EntryReply.GENERATION", fuse_entry_out, generation);
  AT("EntryReply.ENTRY_VALID", fuse_entry_out, entry_valid);
  AT("EntryReply.ATTR_VALID", fuse_entry_out, attr_valid);
  AT("EntryReply.ENTRY_VALID_NSEC", fuse_entry_out, entry_valid_nsec);
  AT("EntryReply.ATTR_VALID_NSEC", fuse_entry_out, attr_valid_nsec);
  AT("EntryReply.ATTR", fuse_entry_out, attr);

  SIZE("AttrReply", fuse_attr_out);
  AT("AttrReply.ATTR_VALID", fuse_attr_out, attr_valid);
  AT("AttrReply.ATTR_VALID_NSEC", fuse_attr_out, attr_valid_nsec);
  AT("AttrReply.ATTR", fuse_attr_out, attr);

  SIZE("OpenRequest", fuse_open_in);
  AT("OpenRequest.FLAGS", fuse_open_in, flags);
  SIZE("OpenReply", fuse_open_out);
  AT("OpenReply.FH", fuse_open_out, fh);
  AT("OpenReply.OPEN_FLAGS", fuse_open_out, open_flags);
#if FUSE_KERNEL_MINOR_VERSION >= 40
  AT("OpenReply.BACKING_ID", fuse_open_out, backing_id);
#endif
  VALUE("OpenReply.KEEP_CACHE", FOPEN_KEEP_CACHE);
#ifdef FOPEN_NOFLUSH
  VALUE("OpenReply.NO_FLUSH", FOPEN_NOFLUSH);
#endif
#ifdef FOPEN_PASSTHROUGH
  VALUE("OpenReply.PASSTHROUGH", FOPEN_PASSTHROUGH);
#endif

  SIZE("ReadRequest", fuse_read_in);
  AT("ReadRequest.FH", fuse_read_in, fh);
  AT("ReadRequest.OFFSET", fuse_read_in, offset);
  AT("ReadRequest.SIZE", fuse_read_in, size);

  SIZE("ReleaseRequest", fuse_release_in);
  AT("ReleaseRequest.FH", fuse_release_in, fh);

  SIZE("ForgetRequest", fuse_forget_in);
  AT("ForgetRequest.LOOKUPS", fuse_forget_in, nlookup);
  AT("ForgetRequest.BATCH_COUNT", fuse_batch_forget_in, count);
  VALUE("ForgetRequest.BATCH_BYTES", sizeof(struct fuse_batch_forget_in));
  VALUE("ForgetRequest.ONE_BYTES", sizeof(struct fuse_forget_one));
  AT("ForgetRequest.ONE_NODE_ID", fuse_forget_one, nodeid);
  AT("ForgetRequest.ONE_LOOKUPS", fuse_forget_one, nlookup);

  SIZE("InterruptRequest", fuse_interrupt_in);
  AT("InterruptRequest.UNIQUE", fuse_interrupt_in, unique);

  AT("LseekFrames.FH", fuse_lseek_in, fh);
  AT("LseekFrames.OFFSET", fuse_lseek_in, offset);
  AT("LseekFrames.WHENCE", fuse_lseek_in, whence);
  VALUE("LseekFrames.REQUEST_BYTES", sizeof(struct fuse_lseek_in));
  AT("LseekFrames.REPLY_OFFSET", fuse_lseek_out, offset);
  VALUE("LseekFrames.REPLY_BYTES", sizeof(struct fuse_lseek_out));

  VALUE("StatfsReply.BYTES", sizeof(struct fuse_statfs_out));
  AT("StatfsReply.BLOCKS", fuse_kstatfs, blocks);
  AT("StatfsReply.FILES", fuse_kstatfs, files);
  AT("StatfsReply.BSIZE", fuse_kstatfs, bsize);
  AT("StatfsReply.NAMELEN", fuse_kstatfs, namelen);
  AT("StatfsReply.FRSIZE", fuse_kstatfs, frsize);

#if FUSE_KERNEL_MINOR_VERSION >= 39
  VALUE("StatxFrames.REQUEST_BYTES", sizeof(struct fuse_statx_in));
  VALUE("StatxFrames.REPLY_BYTES", sizeof(struct fuse_statx_out));
  VALUE("StatxFrames.STAT_BYTES", sizeof(struct fuse_statx));
  AT("StatxFrames.ATTR_VALID", fuse_statx_out, attr_valid);
  AT("StatxFrames.STAT", fuse_statx_out, stat);
  AT("StatxFrames.STAT_MASK", fuse_statx, mask);
  AT("StatxFrames.STAT_BLKSIZE", fuse_statx, blksize);
  AT("StatxFrames.STAT_NLINK", fuse_statx, nlink);
  AT("StatxFrames.STAT_MODE", fuse_statx, mode);
  AT("StatxFrames.STAT_INO", fuse_statx, ino);
  AT("StatxFrames.STAT_SIZE", fuse_statx, size);
  AT("StatxFrames.STAT_BLOCKS", fuse_statx, blocks);
  VALUE("Opcode.STATX", FUSE_STATX);
#endif

  AT("Dirent.INO", fuse_dirent, ino);
  AT("Dirent.OFF", fuse_dirent, off);
  AT("Dirent.NAMELEN", fuse_dirent, namelen);
  AT("Dirent.TYPE", fuse_dirent, type);
  AT("Dirent.NAME", fuse_dirent, name);
  VALUE("EntryReply.BYTES", offsetof(struct fuse_direntplus, dirent));

  SIZE("InvalInodeNotice", fuse_notify_inval_inode_out);
  AT("InvalInodeNotice.INO", fuse_notify_inval_inode_out, ino);
  AT("InvalInodeNotice.OFF", fuse_notify_inval_inode_out, off);
  AT("InvalInodeNotice.LEN", fuse_notify_inval_inode_out, len);
  VALUE("InvalInodeNotice.CODE", FUSE_NOTIFY_INVAL_INODE);

  SIZE("StoreNotice", fuse_notify_store_out);
  AT("StoreNotice.NODE_ID", fuse_notify_store_out, nodeid);
  AT("StoreNotice.OFFSET", fuse_notify_store_out, offset);
  AT("StoreNotice.SIZE", fuse_notify_store_out, size);
  VALUE("StoreNotice.CODE", FUSE_NOTIFY_STORE);

  SIZE("AccessRequest", fuse_access_in);
  AT("AccessRequest.MASK", fuse_access_in, mask);

  VALUE("RequestBytes.GETATTR", sizeof(struct fuse_getattr_in));
  VALUE("RequestBytes.FLUSH", sizeof(struct fuse_flush_in));
  VALUE("RequestBytes.FSYNC", sizeof(struct fuse_fsync_in));
  VALUE("RequestBytes.GETXATTR", sizeof(struct fuse_getxattr_in));
  VALUE("RequestBytes.IOCTL", sizeof(struct fuse_ioctl_in));
  VALUE("RequestBytes.POLL", sizeof(struct fuse_poll_in));

  VALUE("InitFlags.ASYNC_READ", FUSE_ASYNC_READ);
  VALUE("InitFlags.EXPORT_SUPPORT", FUSE_EXPORT_SUPPORT);
  VALUE("InitFlags.AUTO_INVAL_DATA", FUSE_AUTO_INVAL_DATA);
  VALUE("InitFlags.DO_READDIRPLUS", FUSE_DO_READDIRPLUS);
  VALUE("InitFlags.READDIRPLUS_AUTO", FUSE_READDIRPLUS_AUTO);
  VALUE("InitFlags.ASYNC_DIO", FUSE_ASYNC_DIO);
  VALUE("InitFlags.WRITEBACK_CACHE", FUSE_WRITEBACK_CACHE);
  VALUE("InitFlags.PARALLEL_DIROPS", FUSE_PARALLEL_DIROPS);
  VALUE("InitFlags.HANDLE_KILLPRIV", FUSE_HANDLE_KILLPRIV);
  VALUE("InitFlags.ABORT_ERROR", FUSE_ABORT_ERROR);
  VALUE("InitFlags.MAX_PAGES", FUSE_MAX_PAGES);
  VALUE("InitFlags.CACHE_SYMLINKS", FUSE_CACHE_SYMLINKS);
  VALUE("InitFlags.EXPLICIT_INVAL_DATA", FUSE_EXPLICIT_INVAL_DATA);
#ifdef FUSE_INIT_EXT
  VALUE("InitFlags.INIT_EXT", FUSE_INIT_EXT);
#endif
#ifdef FUSE_HAS_EXPIRE_ONLY
  VALUE("InitFlags.HAS_EXPIRE_ONLY", FUSE_HAS_EXPIRE_ONLY);
#endif
#ifdef FUSE_PASSTHROUGH
  VALUE("InitFlags.PASSTHROUGH", FUSE_PASSTHROUGH);
#endif
#ifdef FUSE_NO_EXPORT_SUPPORT
  VALUE("InitFlags.NO_EXPORT_SUPPORT", FUSE_NO_EXPORT_SUPPORT);
#endif
#ifdef FUSE_HAS_RESEND
  VALUE("InitFlags.HAS_RESEND", FUSE_HAS_RESEND);
#endif
#ifdef FUSE_REQUEST_TIMEOUT
  VALUE("InitFlags.REQUEST_TIMEOUT", FUSE_REQUEST_TIMEOUT);
#endif

  VALUE("Opcode.LOOKUP", FUSE_LOOKUP);
  VALUE("Opcode.FORGET", FUSE_FORGET);
  VALUE("Opcode.GETATTR", FUSE_GETATTR);
  VALUE("Opcode.SETATTR", FUSE_SETATTR);
  VALUE("Opcode.READLINK", FUSE_READLINK);
  VALUE("Opcode.SYMLINK", FUSE_SYMLINK);
  VALUE("Opcode.MKNOD", FUSE_MKNOD);
  VALUE("Opcode.MKDIR", FUSE_MKDIR);
  VALUE("Opcode.UNLINK", FUSE_UNLINK);
  VALUE("Opcode.RMDIR", FUSE_RMDIR);
  VALUE("Opcode.RENAME", FUSE_RENAME);
  VALUE("Opcode.LINK", FUSE_LINK);
  VALUE("Opcode.OPEN", FUSE_OPEN);
  VALUE("Opcode.READ", FUSE_READ);
  VALUE("Opcode.WRITE", FUSE_WRITE);
  VALUE("Opcode.STATFS", FUSE_STATFS);
  VALUE("Opcode.RELEASE", FUSE_RELEASE);
  VALUE("Opcode.FSYNC", FUSE_FSYNC);
  VALUE("Opcode.SETXATTR", FUSE_SETXATTR);
  VALUE("Opcode.GETXATTR", FUSE_GETXATTR);
  VALUE("Opcode.LISTXATTR", FUSE_LISTXATTR);
  VALUE("Opcode.REMOVEXATTR", FUSE_REMOVEXATTR);
  VALUE("Opcode.FLUSH", FUSE_FLUSH);
  VALUE("Opcode.INIT", FUSE_INIT);
  VALUE("Opcode.OPENDIR", FUSE_OPENDIR);
  VALUE("Opcode.READDIR", FUSE_READDIR);
  VALUE("Opcode.RELEASEDIR", FUSE_RELEASEDIR);
  VALUE("Opcode.FSYNCDIR", FUSE_FSYNCDIR);
  VALUE("Opcode.ACCESS", FUSE_ACCESS);
  VALUE("Opcode.CREATE", FUSE_CREATE);
  VALUE("Opcode.INTERRUPT", FUSE_INTERRUPT);
  VALUE("Opcode.DESTROY", FUSE_DESTROY);
  VALUE("Opcode.IOCTL", FUSE_IOCTL);
  VALUE("Opcode.POLL", FUSE_POLL);
  VALUE("Opcode.NOTIFY_REPLY", FUSE_NOTIFY_REPLY);
  VALUE("Opcode.BATCH_FORGET", FUSE_BATCH_FORGET);
  VALUE("Opcode.FALLOCATE", FUSE_FALLOCATE);
  VALUE("Opcode.READDIRPLUS", FUSE_READDIRPLUS);
  VALUE("Opcode.RENAME2", FUSE_RENAME2);
  VALUE("Opcode.LSEEK", FUSE_LSEEK);
  VALUE("Opcode.COPY_FILE_RANGE", FUSE_COPY_FILE_RANGE);
#if FUSE_KERNEL_MINOR_VERSION >= 34
  VALUE("Opcode.SYNCFS", FUSE_SYNCFS);
#endif
#if FUSE_KERNEL_MINOR_VERSION >= 37
  VALUE("Opcode.TMPFILE", FUSE_TMPFILE);
#endif
  return 0;
}
