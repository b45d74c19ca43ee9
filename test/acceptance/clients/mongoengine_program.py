"""A small program with MongoEngine: python mongoengine_program.py URI; prints what it read, as JSON."""

import json
import sys

from mongoengine import (CASCADE, DateTimeField, Document, EmbeddedDocument, EmbeddedDocumentField, IntField, ListField, NotUniqueError, Q,
                         ReferenceField, StringField, connect)


class Author(Document):
    name = StringField(required=True, unique=True)
    age = IntField(min_value=0)
    meta = {"indexes": ["age"]}


class Comment(EmbeddedDocument):
    text = StringField()
    votes = IntField(default=0)


class Post(Document):
    title = StringField(required=True)
    author = ReferenceField(Author, reverse_delete_rule=CASCADE)
    tags = ListField(StringField())
    comments = ListField(EmbeddedDocumentField(Comment))
    when = DateTimeField()
    meta = {"indexes": [("author", "-title"), "tags"], "ordering": ["title"]}


connect(db="mongoengine_program", host=sys.argv[1])
Author.drop_collection()
Post.drop_collection()
ada, bob = Author(name="ada", age=36).save(), Author(name="bob", age=20).save()
for i in range(5):
    Post(title="post %d" % i, author=ada if i % 2 else bob, tags=["t%d" % (i % 3), "all"], comments=[Comment(text="first", votes=i)]).save()
duplicate = False
try:
    Author(name="ada").save()
except NotUniqueError:
    duplicate = True
Post.objects(title="post 1").update_one(inc__comments__0__votes=10, push__tags="new", set__title="renamed")
found = Post.objects(Q(tags="t1") | Q(comments__votes__gte=10)).order_by("-title")
read = {
    "duplicate": duplicate,
    "titles": [p.title for p in found],
    "votes": Post.objects(title="renamed").first().comments[0].votes,
    "author": Post.objects(title="renamed").first().author.name,
    "tags": sorted(Post.objects.distinct("tags")),
    "count": Post.objects(author=bob).count(),
    "only": Post.objects.only("title").exclude("id").first().to_mongo().to_dict().get("title"),
    "modified": Post.objects(title="post 0").modify(new=True, set__tags=["x"]).tags,
    "indexes": sorted(name for name in Post.objects._collection.index_information()),
}
bob.delete()
read["after cascade"] = Post.objects.count()
print(json.dumps(read))
