export class SocketTable {}
