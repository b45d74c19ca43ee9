// A small program with mongoose: node mongoose_program.cjs URI; prints what it read, as JSON.
const mongoose = require("mongoose");

(async () => {
  await mongoose.connect(process.argv[2], { dbName: "mongoose_program" });
  const author = new mongoose.Schema({ name: { type: String, unique: true, required: true }, age: { type: Number, min: 0 } });
  const post = new mongoose.Schema({
    title: String, author: { type: mongoose.Schema.Types.ObjectId, ref: "Author" }, tags: { type: [String], index: true },
    comments: [{ text: String, votes: { type: Number, default: 0 } }],
  }, { timestamps: true });
  const Author = mongoose.model("Author", author), Post = mongoose.model("Post", post);
  await mongoose.connection.dropDatabase();
  await Promise.all([Author.init(), Post.init()]);
  await Promise.all([Author.createIndexes(), Post.createIndexes()]);
  const [ada, bob] = await Author.create([{ name: "ada", age: 36 }, { name: "bob", age: 20 }]);
  for (let i = 0; i < 5; i++) {
    await Post.create({ title: `post ${i}`, author: i % 2 ? ada : bob, tags: [`t${i % 3}`, "all"], comments: [{ text: "first", votes: i }] });
  }
  const duplicate = await Author.create({ name: "ada" }).then(() => 0, (e) => e.code);
  await Post.updateOne({ title: "post 1" }, { $inc: { "comments.0.votes": 10 }, $push: { tags: "new" } });
  const one = await Post.findOne({ title: "post 1" }).populate("author");
  one.comments.push({ text: "second" });
  one.title = "renamed";
  await one.save();
  const replaced = await Post.findOneAndUpdate({ title: "post 0" }, { tags: ["x"] }, { new: true });
  const bulk = await Post.bulkWrite([{ insertOne: { document: { title: "bulk" } } }, { updateMany: { filter: {}, update: { $set: { seen: 1 } } } }, { deleteOne: { filter: { title: "post 4" } } }]);
  const read = {
    duplicate, author: one.author.name, votes: one.comments[0].votes,
    titles: (await Post.find({ $or: [{ tags: "t1" }, { "comments.votes": { $gte: 10 } }] }).sort("-title")).map((p) => p.title),
    comments: (await Post.findOne({ title: "renamed" }).lean()).comments.length,
    tags: (await Post.distinct("tags")).sort(), count: await Post.countDocuments({ author: bob }), replaced: replaced.tags,
    deleted: bulk.deletedCount,
    indexes: Object.keys(await Post.collection.indexInformation()).sort(),
  };
  console.log(JSON.stringify(read));
  await mongoose.disconnect();
})().catch((e) => { console.error(e); process.exit(1); });
