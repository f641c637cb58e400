/** An S3 server as a process of its own, with an access log that counts bytes at the server. */
@NullMarked
package dev.larder.s3server;

import org.jspecify.annotations.NullMarked;
