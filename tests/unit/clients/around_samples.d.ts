/** The modules that samples of the documentation import, as far as they use them. */

declare module "node:http" {
  interface Request extends AsyncIterable<Uint8Array> {
    headers: Record<string, string | string[] | undefined>;
  }
  interface Response {
    writeHead(status: number): Response;
    end(): void;
  }
  export function createServer(handle: (request: Request, response: Response) => void): {
    listen(port: number): void;
  };
}

declare module "standardwebhooks" {
  export class Webhook {
    constructor(secret: string);
    verify(body: string, headers: Record<string, any>): any;
  }
}
