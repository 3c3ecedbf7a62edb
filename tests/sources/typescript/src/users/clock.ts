export class Clock {
  now(): number {
    return Date.now();
  }
}

export default function () {
  return new Clock().now();
}
