package dev.larder.mount.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.EntryType;
import dev.larder.erofs.Names;
import dev.larder.mount.contract.Syscalls.Answer;
import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.contract.Syscalls.Text;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Directories and the names in them. */
interface DirectoryContract extends ContractSupport {

  /** One entry as readdir gives it. */
  record Entry(String name, long inode, long type) {}

  private List<Entry> list(Object path) {
    Answer answer = done("list", path);
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i + 3 < answer.fields().size(); i += 4) {
      byte[] name = HexFormat.of().parseHex(answer.fields().get(i).substring(1));
      entries.add(
          new Entry(Names.decode(name, 0, name.length), answer.field(i + 1), answer.field(i + 2)));
    }
    return entries;
  }

  private Text text(String path) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(Names.encode(root() + "/" + path));
    return new Text(out.toByteArray());
  }

  @Test
  default void listsEveryNameOnce() {
    Map<String, TreeSet<String>> expected = new TreeMap<>();
    for (CatalogEntry entry : tree().listing()) {
      String path = entry.path();
      if (entry.type() == EntryType.DIRECTORY) {
        expected.computeIfAbsent(path, any -> new TreeSet<>());
      }
      for (int slash = path.lastIndexOf('/'); ; slash = path.lastIndexOf('/')) {
        String parent = slash < 0 ? "" : path.substring(0, slash);
        expected.computeIfAbsent(parent, any -> new TreeSet<>()).add(path.substring(slash + 1));
        if (slash < 0) {
          break;
        }
        path = parent;
      }
    }
    expected.forEach((directory, names) -> {
      names.add(".");
      names.add("..");
      List<String> seen = list(text(directory)).stream().map(Entry::name).toList();
      assertEquals(names, new TreeSet<>(seen), directory);
      assertEquals(names.size(), seen.size(), directory);
    });
  }

  @Test
  default void entriesSayWhatStatSays() {
    Map<Long, Long> modes =
        Map.of(
            sys().constant("DT_REG"), 0100000L,
            sys().constant("DT_DIR"), 0040000L,
            sys().constant("DT_LNK"), 0120000L);
    for (String directory : List.of("sizes", "links", "owned", "names", "names-of-directories")) {
      for (Entry entry : list(text(directory))) {
        String path = directory + "/" + entry.name();
        Answer stat = done("lstat", text(path));
        assertEquals(stat.field(0), entry.inode(), path);
        long mode = Long.parseLong(stat.fields().get(1), 8);
        assertEquals(mode & 0170000, modes.get(entry.type()), path);
      }
    }
  }

  @Test
  default void findsOddNames() {
    for (String name : ContractTree.NAMES) {
      Content content = content("names/" + name);
      assertEquals(content.size(), done("stat", text("names/" + name)).field(5), name);
      long file = done("open", text("names/" + name), "O_RDONLY").value();
      assertArrayEquals(content.bytes(), done("read", file, 100).bytes(), name);
      done("close", file);
      String below = "names-of-directories/" + name + "/in";
      assertEquals(content(below).size(), done("stat", text(below)).field(5), name);
    }
  }

  @Test
  default void listsTenThousandEntries() {
    assertEquals(ContractTree.MANY + 2, list(at("many")).size());
    try (Descriptor directory = sys().open(at("many"), "O_RDONLY")) {
      for (int room : new int[] {280, 1000, 4096, 32_768, 1_000_000}) {
        assertEquals(
            ContractTree.MANY + 2, done("getdents", directory, room).value(), "room " + room);
      }
    }
  }

  @Test
  default void goesBackToAnyPlace() {
    Answer many = done("seekdirs", at("many"), 997);
    assertTrue(many.value() >= 10, many.toString());
    assertTrue(done("seekdirs", at("names"), 1).value() > ContractTree.NAMES.size());
    assertEquals(3, done("seekdirs", at("empty"), 1).value());
  }

  @Test
  default void listsAnEmptyDirectory() {
    assertEquals(List.of(".", ".."), list(at("empty")).stream().map(Entry::name).sorted().toList());
  }

  @Test
  default void followsLinks() {
    assertArrayEquals(
        "../sizes/4097".getBytes(java.nio.charset.StandardCharsets.UTF_8),
        done("readlink", at("links/relative"), 100).bytes());
    assertEquals(4097, done("stat", at("links/relative")).field(5));
    assertEquals(4097, done("stat", at("links/chain")).field(5));
    assertEquals(
        done("stat", at("many")).field(0), done("stat", at("links/to-directory")).field(0));
    assertEquals(
        content("many/entry-00049").size(),
        done("stat", at("links/to-directory/entry-00049")).field(5));
    // An absolute target leaves the mount.
    done("open", at("links/absolute"), "O_RDONLY");
    refused("ENOENT", "stat", at("links/dangling"));
    done("lstat", at("links/dangling"));
    for (String loop : List.of("links/loop", "links/loop-a")) {
      refused("ELOOP", "stat", at(loop));
      refused("ELOOP", "open", at(loop), "O_RDONLY");
    }
    refused("ELOOP", "open", at("links/relative"), "O_RDONLY|O_NOFOLLOW");
  }

  @Test
  default void readsLinks() {
    assertEquals(4095, done("readlink", at("links/long"), 5000).value());
    assertEquals(10, done("readlink", at("links/long"), 10).value());
    assertEquals(4095, done("lstat", at("links/long")).field(5));
    refused("ENAMETOOLONG", "stat", at("links/long"));
    refused("EINVAL", "readlink", at("sizes/1"), 100);
    refused("EINVAL", "readlink", at("sizes"), 100);
    refused("EINVAL", "readlink", at("links/relative"), 0);
  }
}
