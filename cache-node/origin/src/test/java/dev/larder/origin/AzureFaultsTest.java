package dev.larder.origin;

import java.util.Map;

class AzureFaultsTest extends FaultContract {
  @Override
  String path() {
    return "/acc/container/data/x";
  }

  @Override
  Origin open(TestContext context) {
    return context.open(
        "az://container/data",
        Map.of("endpoint", server.endpoint() + "/acc", "credentials", "anonymous"));
  }

  @Override
  OriginObject object(byte[] bytes, String version) {
    return listed(server.endpoint() + path(), version);
  }
}
