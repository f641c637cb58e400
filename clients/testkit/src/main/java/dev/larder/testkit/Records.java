package dev.larder.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Copies of records with some components changed, for configurations of many keys. Any thread. */
public final class Records {
  private Records() {}

  /**
   * A copy with other values.
   *
   * @param changes name and value by turns
   * @throws IllegalArgumentException where the record has no component of that name
   */
  public static <T extends Record> T with(T record, Object... changes) {
    Map<String, Object> left = new HashMap<>();
    for (int at = 0; at < changes.length; at += 2) {
      left.put((String) changes[at], changes[at + 1]);
    }
    @SuppressWarnings("unchecked")
    Class<T> type = (Class<T>) record.getClass();
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    try {
      for (int at = 0; at < components.length; at++) {
        String name = components[at].getName();
        values[at] =
            left.containsKey(name)
                ? left.remove(name)
                : components[at].getAccessor().invoke(record);
      }
      if (!left.isEmpty()) {
        throw new IllegalArgumentException(type.getSimpleName() + " has no " + left.keySet());
      }
      Class<?>[] types =
          Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      return type.getDeclaredConstructor(types).newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw refused;
      }
      throw new IllegalStateException(e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
