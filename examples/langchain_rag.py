"""Retrieval-augmented answers with LangChain, the model behind a semantic cache.

    python examples/langchain_rag.py

The chain is the usual one: embed the question, fetch the nearest passages, put them in front of the question, ask the model. Two
lines are about the cache. A paraphrase that fetches the same passages is answered without the model; a question that fetches
others, or the same passages with another question, is not.
"""

import sys

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI
from stub_upstream import client_options, read_topics, upstream

from ferrocache import FerrocacheError
from ferrocache.embeddings import embedder
from ferrocache.langchain import FerrocacheCache

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You answer for the help desk of a shop. Use the context alone."),
        ("human", "Context:\n{context}\n\nQuestion: {question}"),
    ]
)


class LocalEmbeddings(Embeddings):
    """The passages are embedded by what embeds the questions for the cache."""

    def __init__(self):
        self._embed = embedder()

    def embed_documents(self, texts):
        return [self._embed(text) for text in texts]

    def embed_query(self, text):
        return self._embed(text)


def main():
    with upstream() as stub:
        cache = FerrocacheCache(cache_scope="rag-example", threshold=0.85)  # the cache
        model = ChatOpenAI(model="gpt-4o-mini", cache=cache, **client_options(stub))  # is given to the model
        store = InMemoryVectorStore(LocalEmbeddings())
        store.add_documents([Document(f"{topic}: {answer}") for topic, answer, _ in read_topics()[:20]])
        chain = PROMPT | model | StrOutputParser()

        def ask(question):
            # Sorted, so that the same passages make the same context whatever their order.
            passages = sorted(document.page_content for document in store.similarity_search(question, k=2))
            before = stub.calls
            answer = chain.invoke({"context": "\n".join(passages), "question": question})
            source = "" if before is None else "   (from the model)" if stub.calls > before else "   (from the cache)"
            print(f"? {question}\n! {answer}{source}\n")

        for question in ("How long does a refund take?", "How long will a refund take?", "Are returns free?"):
            ask(question)
        cache.clear()
        cache.close()
        model.root_client.close()


if __name__ == "__main__":
    try:
        main()
    except FerrocacheError as error:
        sys.exit(f"{error}\n`make run` starts a node on port 3000; FERROCACHE_URL names another, FERROCACHE_AUTH_TOKEN its token.")
