package dev.larder.agent.fill;

/** Receives what fills did, by kind of origin. Any thread; must not block. */
public interface FillMeter {
  /** Counts nothing. */
  FillMeter NONE =
      new FillMeter() {
        @Override
        public void originRequest(String kind, String code) {}

        @Override
        public void originBytes(String kind, long bytes) {}

        @Override
        public void integrityFailure(String where) {}
      };

  /**
   * A request for data ended.
   *
   * @param kind the URI's scheme
   * @param code {@code ok} or the error code's name
   */
  void originRequest(String kind, String code);

  /** Bytes came from an origin. */
  void originBytes(String kind, long bytes);

  /** Bytes were not what their digest promised; {@code where} is disk, peer or origin. */
  void integrityFailure(String where);
}
