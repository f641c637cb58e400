package dev.larder.keeper.wire;

/**
 * A view that is shown at a directory.
 *
 * @param id of the view
 * @param label {@code larder:<dataset>@<number>}
 * @param target the directory
 * @param state how it stands in the kernel's own list
 */
public record MountedView(String id, String label, String target, State state) {

  /** How a mount stands. */
  public enum State {
    /** It is what the directory shows. */
    MOUNTED(0),
    /** Something else is mounted on top of it. */
    COVERED(1),
    /** It was taken away without us, or could not be made again. */
    GONE(2);

    private final int code;

    State(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    static State of(Reader in) throws ProtocolException {
      int code = in.u8();
      for (State state : values()) {
        if (state.code == code) {
          return state;
        }
      }
      throw in.fault("state " + code + " is not known");
    }
  }
}
