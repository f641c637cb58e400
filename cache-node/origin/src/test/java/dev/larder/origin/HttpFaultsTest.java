package dev.larder.origin;

import java.util.Map;

class HttpFaultsTest extends FaultContract {
  @Override
  String path() {
    return "/x";
  }

  @Override
  Origin open(TestContext context) {
    return context.open(server.endpoint() + "/x", Map.of());
  }

  @Override
  OriginObject object(byte[] bytes, String version) {
    return listed(server.endpoint() + "/x", version);
  }
}
