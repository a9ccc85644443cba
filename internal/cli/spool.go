package cli

import (
	"fmt"
	"io"
	"os"
)

// spool keeps what is to be printed later: a little of it in memory, and all of it in a file without a name once it is more.
type spool struct {
	head []byte
	file *os.File
}

// spoolInMemory is how much of it stays there.
const spoolInMemory = 1 << 20

// spoolError says that what was to be kept could not be, or not be read again.
func spoolError(err error) error {
	return fmt.Errorf("cannot keep the answers in %s until they are printed: %w", os.TempDir(), ReasonOf(err))
}

func (s *spool) Write(p []byte) (int, error) {
	if s.head = append(s.head, p...); len(s.head) < spoolInMemory {
		return len(p), nil
	}
	if err := s.flush(); err != nil {
		return 0, spoolError(err)
	}
	return len(p), nil
}

// unnamedFile is a new file that is gone however the process ends.
func unnamedFile() (*os.File, error) {
	file, err := os.CreateTemp("", "nova-manage")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // what is wrong is known
		return nil, err
	}
	return file, nil
}

func (s *spool) flush() error {
	if s.file == nil {
		file, err := unnamedFile()
		if err != nil {
			return err
		}
		s.file = file
	}
	_, err := s.file.Write(s.head)
	s.head = s.head[:0]
	return err
}

// writeTo writes all of it to w, which says itself what is wrong with it.
func (s *spool) writeTo(w io.Writer) error {
	if s.file != nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return spoolError(err)
		}
		for part := make([]byte, 64<<10); ; {
			n, err := s.file.Read(part)
			if _, unwritten := w.Write(part[:n]); unwritten != nil {
				return unwritten
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return spoolError(err)
			}
		}
	}
	_, err := w.Write(s.head)
	return err
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close() // it has no name; what was to be read has been
	}
	*s = spool{}
}
