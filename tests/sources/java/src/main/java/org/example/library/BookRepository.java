package org.example.library;

import java.util.Optional;

public interface BookRepository {
  Optional<Book> byIsbn(String isbn);

  default LendingService.Loan save(LendingService.Loan loan) {
    return loan;
  }

  /** Writes everything down. */
  void flush();
}

abstract class AbstractService<T> {
  private final String name;

  AbstractService(String name) {
    this.name = name;
  }

  protected void audit(String what, String about) {
    System.out.println(name + what + about);
  }
}

class Notifier {
  Notifier(int limit) {}

  void tell(LendingService.Loan loan) {
    for (Object each : new Object[0]) {
      each.toString();
    }
  }
}

class Dates {
  static int inDays(int days) {
    return days;
  }

  static void check(int days) {}
}
