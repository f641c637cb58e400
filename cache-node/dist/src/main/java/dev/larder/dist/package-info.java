/** The distribution: the entry point that reaches every other module. */
@NullMarked
package dev.larder.dist;

import org.jspecify.annotations.NullMarked;
