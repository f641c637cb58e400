package dev.larder.dist;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import org.junit.jupiter.api.Test;

/** The rules of the design that the compiler cannot hold. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.larder");

  @Test
  void theClassesOfAllModulesAreRead() {
    assertTrue(CLASSES.contain("dev.larder.dist.Main"));
    assertTrue(CLASSES.stream().anyMatch(resideInAPackage("dev.larder.protocol..")));
  }

  @Test
  void protocolDependsOnNothingOfOurs() {
    noClasses()
        .that()
        .resideInAPackage("dev.larder.protocol..")
        .should()
        .dependOnClassesThat(
            resideInAPackage("dev.larder..").and(resideOutsideOfPackage("dev.larder.protocol..")))
        .because("every module shares the value types, so they must come without baggage")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void storeAndOriginKnowNoNetworkStack() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.larder.store..", "dev.larder.origin..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.netty..", "io.grpc..", "org.apache.ratis..")
        .because("bytes on disk and bytes of origins are served by the agent, not by themselves")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void onlyStoreAndRaftKnowRocksDb() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.larder.store..", "dev.larder.coordinator.raft..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.rocksdb..")
        .because("native handles must be closed in order, which two owners can be held to")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void nothingImportsPerf() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.larder.perf..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.larder.perf..")
        .because("benchmarks measure the product and are no part of it")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void nothingImportsTestkit() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.larder.testkit..", "dev.larder.perf..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.larder.testkit..")
        .because("fakes stay in tests and benchmarks")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void onlyDistKnowsDist() {
    classes()
        .that()
        .resideInAPackage("dev.larder.dist..")
        .should()
        .onlyHaveDependentClassesThat()
        .resideInAPackage("dev.larder.dist..")
        .because("the distribution is the one place that sees all modules")
        .check(CLASSES);
  }

  @Test
  void modulesHaveNoCycles() {
    slices()
        .assignedFrom(new Modules())
        .should()
        .beFreeOfCycles()
        .because("a module that needs its user cannot be built or understood alone")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  /** Cuts the classes by module: by the name after dev.larder, and the coordinator's API apart. */
  private static final class Modules implements SliceAssignment {
    @Override
    public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
      String[] parts = javaClass.getPackageName().split("\\.", -1);
      if (parts.length < 3) {
        return SliceIdentifier.ignore();
      }
      boolean api = parts.length > 3 && parts[2].equals("coordinator") && parts[3].equals("api");
      return SliceIdentifier.of(api ? "coordinator.api" : parts[2]);
    }

    @Override
    public String getDescription() {
      return "modules";
    }
  }
}
