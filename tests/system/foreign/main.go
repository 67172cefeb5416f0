// A client of awfd that has nothing of its code: it speaks through github.com/varlink/go.
//
// usage: foreign SOCKET METHOD PARAMETERS    calls it with "more", prints each reply as JSON
//        foreign SOCKET --describe           prints the interface, as awfd serves it
//        foreign --parse                     reads an interface from standard input, prints its methods
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
)

const ownInterface = "io.awf.Sandbox"

func fail(err error) {
	if e, ok := err.(*varlink.Error); ok {
		fmt.Fprintf(os.Stderr, "%s %s\n", e.Name, e.Parameters)
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// The parser of version 0.4 takes no upper case in an interface's name, unlike the standard.
func parse() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	lower := regexp.MustCompile(`(?m)^interface io\.awf\.Sandbox$`).
		ReplaceAll(text, []byte("interface io.awf.sandbox"))
	description, err := idl.New(string(lower))
	if err != nil {
		return err
	}
	for _, method := range description.Methods {
		fmt.Println(method.Name)
	}
	return nil
}

func describe(ctx context.Context, c *varlink.Connection) error {
	var vendor, product, version, url string
	var interfaces []string

	if err := c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces); err != nil {
		return err
	}
	text, err := c.GetInterfaceDescription(ctx, interfaces[len(interfaces)-1])
	if err == nil {
		fmt.Print(text)
	}
	return err
}

func call(ctx context.Context, c *varlink.Connection, method string, parameters json.RawMessage) error {
	receive, err := c.Send(ctx, ownInterface+"."+method, parameters, varlink.More)
	if err != nil {
		return err
	}
	for flags := uint64(varlink.Continues); flags&varlink.Continues != 0; {
		var reply json.RawMessage

		if flags, err = receive(ctx, &reply); err != nil {
			return err
		}
		fmt.Printf("%s\n", reply)
	}
	return nil
}

func connected(args []string) error {
	ctx := context.Background()
	c, err := varlink.NewConnection(ctx, "unix:"+args[0])
	if err != nil {
		return err
	}
	defer c.Close()
	if args[1] == "--describe" {
		return describe(ctx, c)
	}
	return call(ctx, c, args[1], json.RawMessage(args[2]))
}

func main() {
	var err error

	if os.Args[1] == "--parse" {
		err = parse()
	} else {
		err = connected(os.Args[1:])
	}
	if err != nil {
		fail(err)
	}
}
