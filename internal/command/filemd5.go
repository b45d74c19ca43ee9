package command

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// runFileMD5 sums a file of GridFS, as drivers before 2020 ask for behind each upload.
func runFileMD5(ctx context.Context, o *operation) (err error) {
	root := o.argument("root")
	switch {
	case root.IsMissing():
		root = document.String("fs")
	case root.Type != document.TypeString:
		return mongoerr.New(mongoerr.InvalidNamespace, "'root' must be of type String")
	}
	if err := o.setTarget(document.String(root.Str()+".chunks"), mongoerr.InvalidNamespace, "%s"); err != nil {
		return err
	}
	if o.argument("partialOk").Truthy() {
		return mongoerr.New(mongoerr.NotImplemented, "partialOk of filemd5 is not supported by this version of Morton")
	}
	var filter, order document.Builder
	filter.OpenDoc("files_id")
	filter.AppendValue("$eq", o.first.Value)
	filter.Close()
	order.AppendInt32("files_id", 1)
	order.AppendInt32("n", 1)
	it, err := o.openView().Find(ctx, engine.FindSpec{NS: o.ns, Filter: filter.Finish(), Sort: order.Finish()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	sum, n := md5.New(), int64(0)
	for ; ; n++ {
		chunk, err := it.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		data, err := chunkData(chunk, n)
		if err != nil {
			return err
		}
		_, _ = sum.Write(data)
	}
	o.out.AppendInt32("numChunks", clampInt32(n))
	o.out.AppendString("md5", hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// chunkData returns the bytes of the n-th chunk.
func chunkData(chunk document.Doc, n int64) ([]byte, error) {
	if at, ok := chunk.Lookup("n").AsInt64(); !ok || at != n {
		return nil, mongoerr.New(10040, "Executor error during filemd5 command :: caused by :: chunks out of order")
	}
	data := chunk.Lookup("data")
	if data.Type != document.TypeBinary {
		return nil, mongoerr.New(50849, "Executor error during filemd5 command :: caused by :: The element that calls binDataClean() must be type of BinData, but type of %s found.", data.Type)
	}
	_, b := data.Binary()
	return b, nil
}
