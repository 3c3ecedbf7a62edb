@Injectable()
export class WebhookSigner {
  private readonly logger = new Logger(WebhookSigner.name);

  constructor(
    @Inject(WEBHOOK_SECRETS) private readonly secrets: readonly string[],
    private readonly clock: ClockService,
  ) {
    if (secrets.length === 0) {
      throw new Error("at least one webhook secret is needed");
    }
  }

  sign(body: string): string {
    const timestamp = Math.floor(this.clock.now() / 1000);
    return `t=${timestamp},v1=${this.digest(this.secrets[0], timestamp, body)}`;
  }

  verify(header: string, body: string, toleranceSeconds = 300): boolean {
    const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header);
    if (match === null) {
      return false;
    }
    const timestamp = Number(match[1]);
    if (Math.abs(this.clock.now() / 1000 - timestamp) > toleranceSeconds) {
      this.logger.warn("webhook signature outside of the tolerated time");
      return false;
    }
    const given = Buffer.from(match[2], "hex");
    return this.secrets.some((secret) =>
      timingSafeEqual(given, Buffer.from(this.digest(secret, timestamp, body), "hex")),
    );
  }

  private digest(secret: string, timestamp: number, body: string): string {
    return createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  }
}
