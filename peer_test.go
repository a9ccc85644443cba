package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// peer is the program `peer`, which plays both ends of a flow in scripts:
//
//	peer listen tcp|udp ADDRESS:PORT     answers everybody with the address that it sees them from
//	peer dial tcp|udp ADDRESS:PORT       prints that answer; exits with 1 where none comes in good time
//	peer hold tcp|udp ADDRESS:PORT FILE  asks again and again on one connection, after the first answer makes FILE, and prints
//	                                     "cut" and exits when a question is not answered, which over UDP is one lost packet;
//	                                     when FILE is gone it prints "kept"
func peer() int {
	err := errors.New("usage: peer listen|dial|hold tcp|udp ADDRESS:PORT [FILE]")
	if len(os.Args) >= 4 {
		switch os.Args[1] {
		case "listen":
			err = listen(os.Args[2], os.Args[3])
		case "dial":
			err = dial(os.Args[2], os.Args[3])
		case "hold":
			err = hold(os.Args[2], os.Args[3], os.Args[4])
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func listen(network, address string) error {
	if network == "udp" {
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		buffer := make([]byte, 64)
		for {
			_, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return err
			}
			fmt.Fprintln(writerTo{conn, from}, hostOf(from))
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				fmt.Fprintln(conn, hostOf(conn.RemoteAddr()))
			}
		}()
	}
}

type writerTo struct {
	net.PacketConn
	to net.Addr
}

func (w writerTo) Write(p []byte) (int, error) { return w.WriteTo(p, w.to) }

func hostOf(a net.Addr) string {
	host, _, _ := net.SplitHostPort(a.String())
	return host
}

// patience is how long an answer may take where everything is on one machine. A packet that a filter drops has none.
const patience = 2 * time.Second

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := ask(conn)
	fmt.Print(answer)
	return err
}

func ask(conn net.Conn) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	fmt.Fprintln(conn, "who am I")
	return bufio.NewReader(conn).ReadString('\n')
}

func hold(network, address, file string) error {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	for first := true; ; first = false {
		if _, err := ask(conn); err != nil {
			fmt.Println("cut")
			return nil
		}
		if first {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
		} else if _, err := os.Stat(file); err != nil {
			fmt.Println("kept")
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}
