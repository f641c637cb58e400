package dev.larder.perf.sim;

import java.util.List;
import java.util.Locale;

/** Draws an {@link Outcome} as SVG: who was done when, and what each node sent. */
public final class Plot {
  private static final int WIDTH = 330;
  private static final int HEIGHT = 200;
  private static final int LEFT = 52;
  private static final int TOP = 36;
  private static final int POINTS_MAX = 80;
  private static final int TICKS = 4;

  private final StringBuilder svg = new StringBuilder();

  private Plot() {}

  /**
   * Draws.
   *
   * @param title what was simulated, in one line
   * @param boundSeconds no node can be done before
   */
  public static String svg(String title, Outcome outcome, double boundSeconds) {
    Plot plot = new Plot();
    int width = 2 * (LEFT + WIDTH + 30);
    plot.line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            + " font-family=\"sans-serif\" font-size=\"11\">",
        width, TOP + HEIGHT + 44);
    plot.line("<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>");
    plot.line("<text x=\"%d\" y=\"16\" font-size=\"13\">%s</text>", LEFT, title);
    plot.times(outcome, boundSeconds);
    plot.uploads(outcome);
    plot.line("</svg>");
    return plot.svg.toString();
  }

  private void times(Outcome outcome, double boundSeconds) {
    double most = nice(outcome.lastSeconds());
    axes(LEFT, most, 100, "seconds since the burst began", "nodes done, %");
    StringBuilder points = new StringBuilder();
    List<Double> times = outcome.doneSeconds();
    int step = Math.max(1, times.size() / POINTS_MAX);
    for (int i = 0; i < times.size(); i += step) {
      point(points, LEFT, times.get(i) / most, (double) i / times.size());
    }
    point(points, LEFT, outcome.lastSeconds() / most, 1);
    curve(points, "#1f5fa8");
    double x = LEFT + WIDTH * boundSeconds / most;
    line(
        "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#b03030\""
            + " stroke-dasharray=\"4 3\"/>",
        x, x, TOP, TOP + HEIGHT);
    line(
        "<text x=\"%.1f\" y=\"%d\" fill=\"#b03030\">bound %.2f s</text>",
        x + 3, TOP + HEIGHT - 6, boundSeconds);
  }

  private void uploads(Outcome outcome) {
    int left = 2 * LEFT + WIDTH + 30;
    double most = nice(Math.max(outcome.mostUploadBytes(), outcome.meanUploadBytes()) / 1e9);
    axes(left, 100, most, "nodes, % (by what they sent)", "sent, GB");
    StringBuilder points = new StringBuilder();
    List<Long> uploads = outcome.uploadBytes();
    int step = Math.max(1, uploads.size() / POINTS_MAX);
    for (int i = 0; i < uploads.size(); i += step) {
      point(points, left, (double) i / uploads.size(), uploads.get(i) / 1e9 / most);
    }
    point(points, left, 1, outcome.mostUploadBytes() / 1e9 / most);
    curve(points, "#1f5fa8");
    double y = TOP + HEIGHT * (1 - outcome.meanUploadBytes() / 1e9 / most);
    line(
        "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#808080\""
            + " stroke-dasharray=\"4 3\"/>",
        left, left + WIDTH, y, y);
    line(
        "<text x=\"%d\" y=\"%.1f\" fill=\"#606060\">mean %.2f GB</text>",
        left + 4, y - 4, outcome.meanUploadBytes() / 1e9);
  }

  private void axes(int left, double mostX, double mostY, String labelX, String labelY) {
    line(
        "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"black\"/>",
        left, TOP, TOP + HEIGHT, left + WIDTH);
    for (int i = 0; i <= TICKS; i++) {
      int x = left + WIDTH * i / TICKS;
      int y = TOP + HEIGHT - HEIGHT * i / TICKS;
      line(
          "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
          x, TOP + HEIGHT + 15, number(mostX * i / TICKS));
      line(
          "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>",
          left - 5, y + 4, number(mostY * i / TICKS));
    }
    line(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
        left + WIDTH / 2, TOP + HEIGHT + 33, labelX);
    line("<text x=\"%d\" y=\"%d\">%s</text>", left - LEFT + 8, TOP - 8, labelY);
  }

  private static void point(StringBuilder points, int left, double x, double y) {
    points.append(
        String.format(Locale.ROOT, "%.1f,%.1f ", left + WIDTH * x, TOP + HEIGHT * (1 - y)));
  }

  private void curve(StringBuilder points, String color) {
    line(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" points=\"%s\"/>",
        color, points.toString().strip());
  }

  /** The next of 1, 2, 4, 6 or 8 times a power of ten. */
  static double nice(double value) {
    double power = Math.pow(10, Math.floor(Math.log10(value)));
    for (double factor : new double[] {1, 2, 4, 6, 8}) {
      if (value <= factor * power) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.replaceFirst("\\.?0+$", "");
  }

  private void line(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
