package dev.larder.linux;

/**
 * Who connected, as the kernel noted it then.
 *
 * @param pid of the process that connected
 * @param uid its effective user
 * @param gid its effective group
 */
public record PeerCredentials(int pid, int uid, int gid) {}
