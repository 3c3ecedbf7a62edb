package org.example.library.members;

public class Member {
  private Member friend;

  public static Member anonymous() {
    return new Member();
  }

  public void remember(Object book) {
    friend.remember(book);
  }
}
