/** The page as a place to drop files on. */
import { type DragEvent, type ReactElement, type ReactNode, useState } from 'react';

interface Props {
  readonly onFiles: (files: readonly File[]) => void;
  readonly children: ReactNode;
}

export function Dropping({ onFiles, children }: Props): ReactElement {
  const [over, setOver] = useState(false);
  const dragged = (event: DragEvent, isOver: boolean): void => {
    event.preventDefault();
    setOver(isOver);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button that opens files does the same by keyboard
    <div
      className={over ? 'dropping over' : 'dropping'}
      onDragOver={(event) => dragged(event, true)}
      onDragLeave={(event) => dragged(event, false)}
      onDrop={(event) => {
        dragged(event, false);
        const files = [...event.dataTransfer.files];
        if (files.length > 0) onFiles(files);
      }}
    >
      {children}
    </div>
  );
}
