/**
 * The {@code larder} command line: datasets, files, warm-ups, pins, status. Tables and data go to
 * stdout, progress and errors to stderr. Each command runs on the main thread.
 */
@NullMarked
package dev.larder.cli;

import org.jspecify.annotations.NullMarked;
