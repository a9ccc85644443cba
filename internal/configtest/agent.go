package configtest

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// captures are the frames of each device.
type captures struct {
	sync.Mutex
	frames map[string][][]byte
}

// agent does what it reads, a line for each request, and answers with a line.
func agent(in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(out)
	caught := &captures{frames: map[string][][]byte{}}
	open := map[string]net.Conn{}
	for lines.Scan() {
		var r request
		var answer reply
		err := json.Unmarshal(lines.Bytes(), &r)
		if err == nil {
			wait := time.Duration(r.Millis) * time.Millisecond
			switch r.Do {
			case "listen":
				err = listen(r.Network, r.Address)
			case "dial", "open":
				var c net.Conn
				if c, err = net.DialTimeout(r.Network, r.Address, wait); err == nil {
					answer.Text, err = question(c, wait)
					if r.Do == "open" {
						answer.Text = strconv.Itoa(len(open))
						open[answer.Text] = c
					} else {
						_ = c.Close()
					}
				}
			case "again":
				answer.Text, err = question(open[r.Address], wait)
			case "send":
				_, err = send(r.Device, r.Frame, 1)
			case "flood":
				answer.Nanos, err = send(r.Device, r.Frame, r.Count)
			case "capture":
				err = caught.begin(r.Device)
			case "captured":
				answer.Frames = caught.take(r.Device)
			default:
				err = fmt.Errorf("%q is nothing to do", r.Do)
			}
		}
		if err != nil {
			answer.Error = err.Error()
		}
		if answers.Encode(answer) != nil {
			return
		}
	}
}

// question asks over a connection who the other side thinks one is.
func question(c net.Conn, wait time.Duration) (string, error) {
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "?\n"); err != nil {
		return "", err
	}
	b := make([]byte, 128)
	n, err := c.Read(b)
	host, _, _ := net.SplitHostPort(strings.TrimSpace(string(b[:n])))
	return host, err
}

func listen(network, address string) error {
	if network == "udp" {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		go func() {
			b := make([]byte, 128)
			for {
				_, from, err := c.ReadFrom(b)
				if err != nil {
					return
				}
				_, _ = c.WriteTo([]byte(from.String()+"\n"), from)
			}
		}()
		return nil
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					if _, err := io.WriteString(c, c.RemoteAddr().String()+"\n"); err != nil {
						return
					}
				}
			}()
		}
	}()
	return nil
}

// packetSocket opens a device for whole frames.
func packetSocket(device string) (fd int, to *syscall.SockaddrLinklayer, err error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return 0, nil, err
	}
	protocol := binary.NativeEndian.Uint16([]byte{0, syscall.ETH_P_ALL})
	if fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, int(protocol)); err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	to = &syscall.SockaddrLinklayer{Protocol: protocol, Ifindex: link.Index}
	return fd, to, os.NewSyscallError("bind", syscall.Bind(fd, to))
}

// send sends a frame, or many that differ in their source port, and returns the nanoseconds that it took.
func send(device string, frame []byte, count int) (int64, error) {
	fd, to, err := packetSocket(device)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	start := time.Now()
	for i := range count {
		if count > 1 {
			binary.BigEndian.PutUint16(frame[34:], uint16(i+1))
		}
		if err := syscall.Sendto(fd, frame, 0, to); err != nil {
			return 0, os.NewSyscallError("sendto", err)
		}
	}
	return time.Since(start).Nanoseconds(), nil
}

// begin takes down what comes in at a device.
func (c *captures) begin(device string) error {
	fd, _, err := packetSocket(device)
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := syscall.Recvfrom(fd, b, 0)
			if err != nil {
				return
			}
			// Not what goes out, nor what the bridge above has forwarded.
			if link, ok := from.(*syscall.SockaddrLinklayer); ok && link.Pkttype == syscall.PACKET_OUTGOING {
				continue
			}
			c.Lock()
			c.frames[device] = append(c.frames[device], append([]byte(nil), b[:n]...))
			c.Unlock()
		}
	}()
	return nil
}

func (c *captures) take(device string) [][]byte {
	c.Lock()
	defer c.Unlock()
	frames := c.frames[device]
	delete(c.frames, device)
	return frames
}
